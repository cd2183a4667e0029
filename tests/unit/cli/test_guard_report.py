from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.archive import archive_segment, read_segment
from gateway_ext.audit.outputs.otlp import to_request
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.segments import segment_path, segment_sizes
from gateway_ext.cli import guard_evidence, progress, trail_events
from gateway_ext.cli.main import main
from gateway_ext.guard import marks
from gateway_ext.guard.marks import Mark
from gateway_ext.settings import StateLayout
from gateway_ext.telemetry.otlp_file_sink import split, to_line
from tests.unit.cli.guard_world import finding, make_policies, record, write_trail


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return make_policies(tmp_path / "policies")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two callers; 3 hits of 2 e-mail addresses, 1 allowed hit, 40 hits of 20 IBANs, in two processes."""
    root = tmp_path / "state"
    write_trail(
        root,
        [
            record(0, [finding("email", 1), finding("email", 2)]),
            record(1, [finding("email", 1), finding("email", 3, "allowed")], subject="ben"),
            record(2, []),
            record(3, [finding("guard_timeout", 0, data_class="guard")]),
        ],
    )
    write_trail(root, [record(4 + n, [finding("iban", n % 20)]) for n in range(40)], "processor-1", 1_900_000_000)
    return root


def report(capsys: pytest.CaptureFixture[str], state: Path, policies: Path, *arguments: str | Path) -> str:
    assert main(["guard", "report", "--state", str(state), "--policies", str(policies), *map(str, arguments)]) == 0
    return capsys.readouterr().out


def rows(text: str) -> dict[str, dict[str, Any]]:
    return {row["detector"]: row for row in json.loads(text)["detectors"]}


def mark(state: Path, values: range, *, is_right: bool, detector: str = "iban") -> None:
    for value in values:
        marks.append(state / marks.FILE_NAME, Mark(f"{value:032x}", is_right, detector, "", "anna", 1))


def test_hits_values_and_callers_are_counted_apart_from_allowed_ones(
    state: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = rows(report(capsys, state, policies, "--json"))
    assert list(found) == ["iban", "email"]  # the busiest first; what marks a timeout is no detector
    email = found["email"]
    assert (email["hits"], email["allowed"], email["values"], email["callers"]) == (3, 1, 2, 2)
    assert (email["mode"], email["next_mode"], email["precision"]) == ("log", "log", None)
    assert email["reason"] == "redact needs 30 hits"


def test_marks_make_a_precision_and_a_suggestion(
    state: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark(state, range(20), is_right=True)
    mark(state, range(2), is_right=False, detector="email")  # value 0 is none of its values
    found = rows(report(capsys, state, policies, "--json"))
    assert (found["email"]["marked_true"], found["email"]["marked_false"], found["email"]["precision"]) == (0, 1, 0)
    iban = found["iban"]
    assert (iban["marked_true"], iban["precision"], iban["precision_lower"]) == (20, 1.0, 0.8389)
    assert (iban["mode"], iban["next_mode"]) == ("redact", "redact")  # the good policy redacts IBANs
    assert iban["reason"] == "block needs 100 hits"


def test_the_table_says_what_to_write(tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overridden = make_policies(
        tmp_path / "overridden",
        "overrides:\n  - {name: hr, when: {teams: [hr]}, detectors: {email: {action: block}}}\n",
    )
    guard = overridden / "guard.yaml"
    guard.write_text(guard.read_text().replace("iban: {action: redact}", "iban: {action: log}"))
    mark(state, range(20), is_right=True)
    text = report(capsys, state, overridden)
    header, iban, email = text.splitlines()[:3]
    assert header.split()[:6] == ["DETECTOR", "CLASS", "MODE", "HITS", "ALLOWED", "VALUES"]
    assert iban.split()[:12] == ["iban", "personal", "log", "40", "0", "20", "1", "20", "0", "1.00", "0.84", "redact"]
    assert email.split()[2] == "log*"
    assert "* policy overrides the mode" in text
    assert "  iban: {action: redact}" in text
    assert "gateway-ext guard report --detector email" in text


def test_since_leaves_older_records_out(state: Path, policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for since in ("2030-01-01", "2030-01-01T00:00:00+02:00"):
        assert list(rows(report(capsys, state, policies, "--json", "--since", since))) == ["iban"]
    assert report(capsys, state, policies, "--since", "2090-01-01").startswith("No findings")
    recent = write_trail(state, [], "processor-2", 0)
    assert recent.is_dir()
    assert list(rows(report(capsys, state, policies, "--json", "--since", "7d"))) == ["iban", "email"]


def test_a_sink_and_the_spool_are_one_trail(
    tmp_path: Path, state: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = rows(report(capsys, state, policies, "--json"))
    events = last_events(state / "spool" / "processor-1", 100)
    lines = [to_line(each) for each in split(to_request(events))]
    sink = tmp_path / "logs.jsonl"
    sink.write_bytes(b"".join(lines[:30] + lines[:5]) + b'{"resourceLogs": [{"gateway.guard.findings')  # a torn one
    assert rows(report(capsys, state, policies, "--json", "--sink", sink)) == expected
    shipped = state / "spool" / "processor-1"
    for number in segment_sizes(shipped):
        segment_path(shipped, number).unlink()
    assert rows(report(capsys, state, policies, "--json", "--sink", sink))["iban"]["hits"] == 30
    from_sink = report(capsys, tmp_path / "none", policies, "--json", "--sink", sink)
    assert rows(from_sink)["iban"] | {"reason": ""} == expected["iban"] | {"hits": 30, "reason": ""}


def test_values_to_judge_come_in_the_order_of_their_hashes(
    state: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark(state, range(1), is_right=False)
    listed = json.loads(report(capsys, state, policies, "--detector", "iban", "--json"))
    assert [row["fingerprint"] for row in listed] == [f"{value:032x}" for value in range(1, 20)]
    assert (listed[0]["hits"], listed[0]["exchange_id"], listed[0]["marked"]) == (2, "exchange25", None)
    everything = json.loads(report(capsys, state, policies, "--detector", "iban", "--json", "--all"))
    assert everything[-1]["marked"] is False
    text = report(capsys, state, policies, "--detector", "iban")
    assert text.splitlines()[1].split()[:4] == [f"{1:032x}", "2", "1", "2030-03-17"]
    assert "1 more are marked, 0 more are not" in text
    assert f"gateway-ext guard mark {1:032x} --detector iban --true | --false" in text
    assert report(capsys, state, policies, "--detector", "phone").startswith("No unmarked values")


def test_a_mark_is_stored_by_the_command_and_read_by_the_report(
    state: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["guard", "mark", f"{1:032x}", "--state", str(state), "--detector", "email", "--note", "a test account"]
    assert main([*command, "--false"]) == 0
    assert capsys.readouterr().out.startswith("Marked as false.")
    assert rows(report(capsys, state, policies, "--json"))["email"]["precision"] == 0
    assert main([*command, "--true"]) == 0
    capsys.readouterr()
    assert rows(report(capsys, state, policies, "--json"))["email"]["precision"] == 1
    stored = marks.load(state / marks.FILE_NAME).of("email", f"{1:032x}")
    assert stored is not None
    assert stored.note == "a test account"
    assert stored.by


@pytest.mark.parametrize(
    "wrong",
    [
        ("DE89370400440532013000", "--true"),
        (f"{1:032x}",),
        (f"{1:032x}", "--true", "--false"),
        (f"{1:032x}", "--true", "--detector", "ibam"),
        (f"{1:032x}", "--true", "--note", "two\nlines"),
    ],
)
def test_a_mark_that_makes_no_sense_is_refused(
    state: Path, wrong: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["guard", "mark", *wrong, "--state", str(state)])
    assert left.value.code == 2
    assert "DE8937" not in capsys.readouterr().err
    assert not (state / marks.FILE_NAME).exists()


def test_mark_needs_a_state_directory_and_a_short_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["guard", "mark", f"{1:032x}", "--true", "--state"]
    assert main([*command, str(tmp_path / "none")]) == 2
    assert "give --state" in capsys.readouterr().err
    assert main([*command, str(tmp_path), "--note", "x" * 201]) == 2
    assert "200 characters" in capsys.readouterr().err


def test_what_is_missing_is_named(tmp_path: Path, policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["guard", "report", "--policies", str(policies), "--state", str(tmp_path / "none")]
    assert main(common) == 2
    assert "there is no spool" in capsys.readouterr().err
    assert main([*common, "--sink", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*common, "--since", "yesterday"])


def test_damaged_marks_are_said(state: Path, policies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (state / marks.FILE_NAME).write_text("{\n")
    assert "1 lines of guard-marks.jsonl cannot be read" in report(capsys, state, policies)


def test_archived_segments_are_read_and_those_that_vanish_passed_over(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = StateLayout(state)
    write_trail(state, [record(100, [finding("iban", 50)])], "processor-1", 1_900_000_100)
    write_trail(state, [record(101, [finding("iban", 51)])], "processor-1", 1_900_000_200)
    spool, archive = layout.spool / "processor-1", layout.archive / "processor-1"
    numbers = sorted(segment_sizes(spool))
    assert len(numbers) == 3
    archive_segment(spool, archive, numbers[0])
    read_bytes: list[int] = []
    total = trail_events.bytes_to_read(layout, [])
    hits = list(guard_evidence.hits_since(layout, [], 0, read_bytes.append))
    assert sum(hit.detector == "iban" for hit in hits) == 42
    assert sum(read_bytes) == total

    def vanishing(*place: Any) -> bytes:
        if place[-1] == numbers[1]:
            raise FileNotFoundError
        return read_segment(*place)

    monkeypatch.setattr(trail_events, "read_segment", vanishing)
    hits = list(guard_evidence.hits_since(layout, [], 0, read_bytes.append))
    assert {f"{50:032x}", f"{51:032x}"} & {hit.fingerprint for hit in hits} == {f"{51:032x}"}


def test_what_ended_before_is_not_read(state: Path) -> None:
    layout = StateLayout(state)
    directory = layout.spool / "processor-1"
    (number,) = segment_sizes(directory)
    os.utime(segment_path(directory, number), ns=(0, 1_000_000_000_000_000_000))
    later = 1_000_000_000_000_000_000 + 2 * 3600 * 10**9
    assert trail_events.bytes_to_read(layout, [], later) < trail_events.bytes_to_read(layout, [])
    assert {hit.detector for hit in guard_evidence.hits_since(layout, [], later, lambda _: None)} <= {"email"}


def test_a_terminal_sees_a_bar_only_when_it_takes_long(
    state: Path, policies: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["guard", "report", "--state", str(state), "--policies", str(policies)]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(command) == 0
    assert "reading" not in capsys.readouterr().err
    monkeypatch.setattr(progress, "PATIENCE_NS", 0)
    assert main(command) == 0
    shown = capsys.readouterr().err
    assert "reading the trail [" in shown
    assert shown.endswith("\r\033[K")
