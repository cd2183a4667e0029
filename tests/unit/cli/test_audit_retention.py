"""`audit hold` and `audit retention`: recorded, then done; or nothing at all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_ext.audit.encoding import decode_event
from gateway_ext.audit.spool import Spool
from gateway_ext.cli.main import main
from gateway_ext.errors import AuditUnavailable
from gateway_ext.subjects.sqlite_store import SubjectsStore
from tests.unit.audit.retention.trail import DAY_SECONDS, Trail, decision

GOOD = Path(__file__).parents[2] / "policies" / "good"
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    """Records of 70 and of 20 days ago, delivered."""
    trail = Trail(tmp_path / "state")
    trail.clock.unix_nano = time.time_ns() - 70 * DAY_SECONDS * 10**9
    trail.write(decision("a", "sovereign"))
    trail.write(decision("b"))
    trail.deliver()
    trail.clock.forward(50 * DAY_SECONDS)
    trail.write(decision("c", "sovereign", subject="bob"))
    trail.deliver()
    return trail


@pytest.fixture
def run(trail: Trail, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str]:
        policies = ["--policies", str(GOOD)] if arguments[0] == "retention" else []
        code = main(["audit", *arguments, "--state", str(trail.root), *policies])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def acts(trail: Trail) -> list[tuple[str, str, str]]:
    events = map(decode_event, trail.left("operator"))
    return [(event.name, event.order.value, event.order.reason) for event in events]


def test_nothing_is_erased_before_there_is_a_store_of_holds(trail: Trail, run: Run) -> None:
    code, text = run("retention")
    assert (code, "gateway-ext audit hold init" in text) == (2, True)
    assert len(trail.left()) == 3


def test_what_is_due_is_said_and_erased(trail: Trail, run: Run) -> None:
    assert run("hold", "init") == (0, "Begun: nothing is held.\n")
    code, text = run("retention", "--dry-run")
    header, line = text.splitlines()
    assert code == 0
    assert header.split() == ["LOG", "OLDEST", "NEXT", "NOT", "BEFORE", "SEGMENTS", "DUE", "HELD"]
    assert (line.split()[0], line.split()[-3:]) == ("processor-0", ["2", "1", "0"])
    assert len(trail.left()) == 3
    assert "1 records are erased." in run("retention")[1]
    assert len(trail.left()) == 2
    ((_, _, made), (name, log, reason)) = acts(trail)
    assert (name, log, made) == ("audit:records:erased", "processor-0", "gateway-ext audit hold init")
    assert reason.startswith("leaves 0-1: 1 of them")
    report = json.loads(run("retention", "--json")[1])
    (of_log,) = report["logs"]
    assert (report["erased"], of_log["due"], of_log["segments"]) == (0, 0, 2)
    days = (of_log["next_unix_nano"] - of_log["oldest_unix_nano"]) / 1e9 / DAY_SECONDS
    assert 79 < days < 81  # the one of 20 days ago, which is kept for 30


def test_a_hold_keeps_its_records_until_it_is_lifted(trail: Trail, run: Run) -> None:
    run("hold", "init")
    code, text = run(
        "hold",
        "set",
        "case-1",
        "--team",
        "research",
        "--until",
        "2199-01-31",
        "--reason",
        "litigation",
        "--actor",
        "eve",
    )
    assert (code, text.startswith("Held: team research, until 2199-01-31T00:00:00Z. Lift it:")) == (0, True)
    assert run("retention", "--dry-run")[1].split()[-3:] == ["2", "0", "2"]
    assert "0 records are erased." in run("retention")[1]
    (listed,) = json.loads(run("hold", "list", "--json")[1])
    assert (listed["name"], listed["team"], listed["actor"], listed["reason"]) == (
        "case-1",
        "research",
        "eve",
        "litigation",
    )
    assert "case-1  team research, until 2199-01-31T00:00:00Z" in run("hold", "list")[1]
    assert run("hold", "lift", "case-1", "--reason", "settled")[0] == 0
    assert run("hold", "lift", "case-1", "--reason", "settled") == (1, "There is no hold 'case-1'.\n")
    assert run("hold", "list")[1] == "Nothing is held.\n"
    assert "1 records are erased." in run("retention")[1]
    assert acts(trail)[1:3] == [
        ("audit:hold:set", "case-1", "team research, until 2199-01-31T00:00:00Z: litigation"),
        ("audit:hold:lifted", "case-1", "settled"),
    ]


def test_a_person_is_held_by_the_pseudonym_that_the_trail_has(trail: Trail, run: Run) -> None:
    subjects = SubjectsStore(trail.root / "subjects.sqlite")
    subjects.begin()
    pseudonym = subjects.of("grace hopper").pseudonym
    trail.clock.unix_nano -= 50 * DAY_SECONDS * 10**9
    trail.write(decision("d", "sovereign", subject=pseudonym))
    trail.clock.unix_nano += 50 * DAY_SECONDS * 10**9
    trail.deliver()
    run("hold", "init")
    code, text = run("hold", "set", "case-1", "--person", "grace hopper", "--reason", "litigation")
    assert (code, f"Held: subject {pseudonym}." in text) == (0, True)
    assert run("retention", "--dry-run")[1].split()[-2:] == ["1", "1"]
    written = b"".join(path.read_bytes() for path in trail.root.rglob("*.segment")).lower()
    assert pseudonym.encode() in written
    assert b"hopper" not in written + (trail.root / "holds.sqlite").read_bytes()


def test_with_pseudonyms_a_hold_by_the_name_in_old_records_is_told_without_it(trail: Trail, run: Run) -> None:
    subjects = SubjectsStore(trail.root / "subjects.sqlite")
    subjects.begin()
    pseudonym = subjects.of("grace hopper").pseudonym
    run("hold", "init")
    for name, subject in (("case-1", "grace hopper"), ("case-2", "who never asked"), ("case-3", pseudonym)):
        assert run("hold", "set", name, "--subject", subject, "--reason", "litigation")[0] == 0
    assert [each[2].partition(":")[0] for each in acts(trail)[-3:]] == [
        f"subject {pseudonym}",
        "subject (withheld)",
        f"subject {pseudonym}",
    ]
    assert "subject grace hopper" in run("hold", "list")[1], "it covers what has that name"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("case-1",), "say what it covers"),
        (("case-1", "--all", "--team", "t"), "or --all alone"),
        (("Case 1", "--all"), "a name is 1 to 64 characters"),
        (("case-1", "--from", "2026-02-01", "--until", "2026-01-01"), "--until is before --from"),
        (("there", "--all"), "there is a hold 'there' already"),
    ],
)
def test_a_hold_that_cannot_be_meant_is_refused(trail: Trail, run: Run, arguments: tuple[str, ...], said: str) -> None:
    run("hold", "init")
    run("hold", "set", "there", "--all", "--reason", "r")
    before = acts(trail)
    code, text = run("hold", "set", *arguments, "--reason", "r")
    assert (code, said in text) == (2, True)
    assert acts(trail) == before


def test_what_cannot_be_recorded_is_not_done(trail: Trail, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("hold", "init")
    monkeypatch.setattr(Spool, "append", _refuse)
    assert run("hold", "set", "case-1", "--all", "--reason", "r")[0] == 2
    assert run("retention")[0] == 2
    assert len(trail.left()) == 3
    assert run("hold", "list")[1] == "Nothing is held.\n"


def test_a_hold_that_did_not_come_to_be_is_recorded_as_lifted(
    trail: Trail, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("hold", "init")
    monkeypatch.setattr("gateway_ext.audit.retention.eraser.LOCK_SECONDS", 0.05)
    with trail.eraser().alone():  # records are being erased, for too long
        code, text = run("hold", "set", "case-1", "--all", "--reason", "r")
    assert (code, "audit retention: another process holds" in text) == (2, True)
    assert [name for name, *_ in acts(trail)][1:] == ["audit:hold:set", "audit:hold:lifted"]
    assert run("hold", "list")[1] == "Nothing is held.\n"


@pytest.mark.parametrize("lost", [["holds.sqlite"], ["holds.marker"], ["holds.sqlite", "holds.marker"]])
def test_a_lost_store_of_holds_stops_erasing_until_it_is_made_anew(trail: Trail, run: Run, lost: list[str]) -> None:
    run("hold", "init")
    for name in lost:
        (trail.root / name).unlink()
    code, text = run("retention")
    assert (code, "nothing is erased meanwhile" in text) == (2, True)
    assert len(trail.left()) == 3
    assert run("hold", "init")[0] == 0
    assert "1 records are erased." in run("retention")[1]


def test_where_there_is_no_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "retention", "--state", str(tmp_path / "none"), "--policies", str(GOOD)]) == 2
    assert "there is no archive yet" in capsys.readouterr().err


def _refuse(*_: object) -> None:
    raise AuditUnavailable


@pytest.mark.parametrize("moment", ["2999-01-31", "1970-01-01", "tomorrow"])
def test_a_moment_that_is_none_is_refused(
    trail: Trail, run: Run, moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("hold", "set", "case-1", "--from", moment, "--reason", "r")
    assert f"'{moment}' is" in capsys.readouterr().err
