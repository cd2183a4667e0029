from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.events import EventName
from gateway_ext.audit.outputs.otlp import to_request
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.records import AuditRecord, DecisionRecord, OutcomeRecord
from gateway_ext.audit.segments import segment_path, segment_sizes
from gateway_ext.audit.spool import Spool
from gateway_ext.cli.main import main
from gateway_ext.exchange import Candidate, Outcome, Usage
from gateway_ext.telemetry.otlp_file_sink import split, to_line
from tests.unit.cli.guard_world import TrailClock, date_segments, finding

SECOND_NS = 1_000_000_000
OLD, NEW = (Candidate(f"p/{name}", "p", name, "FR", "open-eu") for name in ("old", "new"))


def decision(number: int, *candidates: Candidate, model: str = "assistant") -> DecisionRecord:
    return DecisionRecord(
        EventName.DECISION_FORWARDED, f"e{number}", "forward", "d", "public", "", model=model, candidates=candidates
    )


def inspected(number: int, action: str, findings: int) -> DecisionRecord:
    found = tuple(finding("email", value) for value in range(findings))
    return replace(decision(number), name=EventName.ANSWER_INSPECTED, action=action, findings=found)


def outcome(number: int, served_by: Candidate, status: int = 200, seconds: float = 1.0) -> OutcomeRecord:
    usage = Usage(900, 100)
    nanoseconds = round(seconds * SECOND_NS)
    ended = Outcome(
        f"e{number}", "", status, served_by.cluster, usage, 0, 0, 1, nanoseconds, nanoseconds // 4, True, "access_log"
    )
    return OutcomeRecord(EventName.OUTCOME_SETTLED, ended, usage, 2_000_000, "EUR", served_by)


def traffic() -> Iterator[AuditRecord]:
    """900 requests to the old one; 300 to the new one, a tenth of which fall back; what is not compared."""
    for number in range(1_200):
        first, second = (NEW, OLD) if number % 4 == 0 else (OLD, NEW)
        yield decision(number, first, second)
        yield inspected(number, "withhold" if number == 1 else "release", findings=int(number < 6))
        yield outcome(number, second if number % 40 == 0 else first, 502 if number == 1 else 200)
    for number in (2_000, 2_001):
        yield decision(number, OLD)
        yield outcome(number, OLD)
    yield decision(3_000, OLD, NEW)
    yield decision(4_000, OLD, NEW, model="another")
    yield outcome(4_000, OLD)
    yield replace(decision(5_000, OLD, NEW), name=EventName.DECISION_REFUSED)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Decisions and outcomes by two processes, as when the access log goes to another one than the request did."""
    root = tmp_path_factory.mktemp("state")
    records = list(traffic())
    decisions = [each for each in records if isinstance(each, DecisionRecord)]
    outcomes = [each for each in records if isinstance(each, OutcomeRecord)]
    for process, written in (("processor-1", decisions), ("processor-0", outcomes)):
        spool = Spool(root / "spool", process, TrailClock(1_800_000_000))
        for each in written:
            spool.append(each)
        spool.close()
        date_segments(root / "spool" / process, 1_800_000_000)
    return root


def mirrored() -> Iterator[AuditRecord]:
    """300 requests to the old one, every third of which is copied to the new one; a copy that was refused."""
    for number in range(300):
        yield decision(number, OLD)
        yield outcome(number, OLD)
        if number % 3 == 0:
            copied = replace(decision(10_000 + number, NEW), name=EventName.SHADOW_FORWARDED, shadow_of=f"e{number}")
            yield copied
            yield outcome(10_000 + number, NEW, 503 if number % 2 else 200, seconds=2.0)
    yield replace(decision(20_000, NEW), name=EventName.SHADOW_REFUSED, shadow_of="e1")


def test_copies_are_compared_with_what_they_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = Spool(tmp_path / "spool", "processor-0", TrailClock(1_800_000_000))
    for each in mirrored():
        spool.append(each)
    spool.close()
    document = json.loads(compare(capsys, tmp_path, "--json", "--baseline", "p/old"))
    old, new = document["deployments"]
    assert (old["deployment"], old["requests"], old["errors"]) == ("p/old", 100, 0)
    assert (new["deployment"], new["requests"], new["errors"], new["verdict"]) == ("p/new", 100, 50, "go back")
    assert document["not_comparable"] == 200


def compare(capsys: pytest.CaptureFixture[str], state: Path, *arguments: str | Path, code: int = 1) -> str:
    assert main(["routing", "compare", "assistant", "--state", str(state), *map(str, arguments)]) == code
    return capsys.readouterr().out


def deployments(text: str) -> dict[str, dict[str, Any]]:
    return {each["deployment"]: each for each in json.loads(text)["deployments"]}


def test_side_by_side(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(compare(capsys, state, "--json"))
    assert (document["not_comparable"], document["unended"], document["currency"]) == (2, 1, "EUR")
    old, new = document["deployments"]
    assert (old["deployment"], old["is_baseline"], old["verdict"]) == ("p/old", True, None)
    assert (old["requests"], old["errors"], old["withheld"], old["findings"]) == (900, 0, 1, 4)
    assert (new["requests"], new["errors"], new["answers"], new["duration_p95_ns"]) == (300, 30, 300, SECOND_NS)
    assert (new["cost_per_request_nano"], new["cost_per_1000_tokens_nano"]) == (2_000_000, 2_000_000)
    assert new["first_byte_p95_ns"] == SECOND_NS // 4
    assert (new["verdict"], len(new["reasons"])) == ("go back", 1)


def test_the_table_says_what_it_left_out_and_what_follows(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = compare(capsys, state).splitlines()
    assert lines[0].split()[:3] == ["DEPLOYMENT", "REQUESTS", "P50"]
    assert lines[1].split() == [
        "p/old",
        "900",
        *["1.00", "s"] * 2,
        "0.25",
        "s",
        *["0.002000"] * 2,
        *["0.00", "%", "0.00", "%", "0.11", "%", "0.4"],
    ]
    assert lines[3:] == [
        "",
        "Costs are in EUR.",
        "Not compared: 2 requests that not all of these may have served.",
        "Not compared: 1 request without an outcome in the trail.",
        lines[-1],
    ]
    assert lines[-1].startswith("p/new: go back: errors are higher by at least")


def test_another_baseline_and_margin(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = deployments(compare(capsys, state, "--json", "--baseline", "p/new", code=0))
    assert (found["p/new"]["is_baseline"], found["p/old"]["verdict"]) == (True, "go up")
    alone = compare(capsys, state, "--only", "p/old", code=0)
    assert "Nothing else to compare it with." in alone


def test_since(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = deployments(compare(capsys, state, "--json", "--since", "2027-01-15T08:10:00"))  # the first was at 8:00
    assert 0 < found["p/old"]["requests"] < 900
    assert "There are no requests of 'assistant'" in compare(capsys, state, "--since", "2030-01-01", code=0)


def test_a_sink_and_the_spool_are_one_trail(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = compare(capsys, state, "--json")
    copy = tmp_path / "state"
    sink = tmp_path / "logs.jsonl"
    lines: list[bytes] = []
    for directory in sorted((state / "spool").iterdir()):
        events = last_events(directory, 10_000)
        lines += [
            to_line(each) for at in range(0, len(events), 500) for each in split(to_request(events[at : at + 500]))
        ]
        (copy / "spool" / directory.name).mkdir(parents=True)
        for number in segment_sizes(directory):
            if directory.name == "processor-0":  # shipped and still there; of the other one all is gone
                content = segment_path(directory, number).read_bytes()
                segment_path(copy / "spool" / directory.name, number).write_bytes(content)
    sink.write_bytes(b"".join(lines))
    assert compare(capsys, copy, "--json", "--sink", sink) == expected
    assert compare(capsys, tmp_path / "none", "--json", "--sink", sink) == expected


def test_a_picture(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "canary.svg"
    compare(capsys, state, "--chart", picture)
    drawn = picture.read_text()
    assert "p/new" in drawn
    assert "1.00 s, 10.00 % errors" in drawn


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--baseline", "p/nobody"], "may have gone to 'p/nobody'"),
        (["--only", "p/nobody"], "may have gone to 'p/nobody'"),
        (["--sink", "/nonexistent.jsonl"], "cannot be read"),
    ],
)
def test_wrong_use(state: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert main(["routing", "compare", "assistant", "--state", str(state), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_without_a_trail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routing", "compare", "assistant", "--state", str(tmp_path)]) == 2
    assert "there is no spool" in capsys.readouterr().err


@pytest.mark.parametrize("margin", ["0", "-1", "x", "nan", "101"])
def test_a_margin_is_a_number_of_percent(state: Path, margin: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["routing", "compare", "assistant", "--state", str(state), f"--margin-percent={margin}"])
    assert "is no number of percent" in capsys.readouterr().err
