"""`audit search`, `audit show` and `audit index`, over records that processes have written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_ext.audit.reading import last_events
from gateway_ext.audit.spool import Spool
from gateway_ext.cli.main import main
from gateway_ext.clock import SystemClock
from gateway_ext.subjects.sqlite_store import SubjectsStore
from tests.unit.audit.index.recorded import ORDER, US, decision, outcome

Audit = Callable[..., tuple[int, str]]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Three exchanges of two processes, and an operator's order."""
    processors = [Spool(tmp_path / "spool", f"processor-{index}", SystemClock()) for index in (0, 1)]
    processors[0].append(decision("e1", classes=["personal"]))
    processors[1].append(outcome("e1", cost_nano=20_000_000))
    processors[0].append(decision("e2", subject="ben\x1b[31m", team="law"))
    processors[0].append(outcome("e2", served_by=US, flags=("client_aborted",)))
    processors[1].append(decision("e3", reason="budget_exhausted"))
    processors[0].append(ORDER)
    for spool in processors:
        spool.close()
    return tmp_path


@pytest.fixture
def audit(state: Path, capsys: pytest.CaptureFixture[str]) -> Audit:
    def run(*arguments: str) -> tuple[int, str]:
        code = main(["audit", *arguments, "--state", str(state)])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def rows(text: str) -> list[str]:
    """Ids of a table's rows."""
    return [line.split()[-1] for line in text.split("\n\n", maxsplit=1)[0].splitlines()[1:]]


def test_people_read_a_table(audit: Audit) -> None:
    code, text = audit("search", "--subject", "anna", "-n", "5")
    assert code == 0
    assert rows(text) == ["e3", "e1"]
    assert "refuse budget_exhausted" in text
    assert "forward 200 by eu" in text
    assert "personal, 812+120 tokens, 0.020000 EUR" in text
    assert "\x1b" not in audit("search", "--team", "law")[1]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--class", "personal"], ["e1"]),
        (["--provider", "us", "--flag", "client_aborted"], ["e2"]),
        (["--provider", "us", "--provider", "eu"], ["e2", "e1"]),
        (["--cost-min", "0.02"], ["e1"]),
        (["--cost-max", "0.01"], ["e2"]),
        (["--team", "risk", "--action", "refuse"], ["e3"]),
        (["--exchange", "e2", "--since", "1h"], ["e2"]),
        (["--since", "2020-01-01", "--until", "2020-02-01"], []),
        (["--event", "request:outcome:settled", "--oldest-first"], ["e1", "e2"]),
    ],
)
def test_conditions(audit: Audit, arguments: list[str], found: list[str]) -> None:
    code, text = audit("search", *arguments, "--json")
    assert code == 0
    shown = json.loads(text)["entries"]
    assert [entry["id"] for entry in shown] == found


def test_pages_follow_each_other(audit: Audit) -> None:
    first = json.loads(audit("search", "--model", "large", "-n", "2", "--json")[1])
    second = json.loads(audit("search", "--model", "large", "-n", "2", "--json", "--after", first["older"])[1])
    assert [each["id"] for each in (*first["entries"], *second["entries"])] == ["e3", "e2", "e1"]
    assert second["older"] is None
    back = json.loads(audit("search", "--model", "large", "--json", "--after", second["newer"])[1])
    assert back["entries"] == first["entries"]
    assert f"older: --after {first['older']}\n" in audit("search", "--model", "large", "-n", "2")[1]


def test_a_search_is_recorded_before_anything_is_shown(audit: Audit, state: Path) -> None:
    audit("search", "--subject", "anna", "--class", "secret")
    [event] = last_events(state / "spool" / "operator", 1)
    assert event.name == "audit:records:searched"
    assert event.order.reason == "audit search: class=secret subject=anna"
    (state / "spool" / "operator").chmod(0o700)
    code, text = audit("search", "--event", "audit:records:searched")
    assert (code, len(rows(text))) == (0, 1)


def test_what_cannot_be_recorded_is_not_shown(audit: Audit, state: Path) -> None:
    audit("index", "rebuild")
    (state / "spool" / "operator").write_bytes(b"in the way")
    code, text = audit("search", "--subject", "anna")
    assert code == 2
    assert "e1" not in text


def test_by_pseudonyms_people_are_found_by_name_and_not_named_in_the_record(audit: Audit, state: Path) -> None:
    subjects = SubjectsStore(state / "subjects.sqlite")
    subjects.begin()
    anna = subjects.of("anna").pseudonym
    spool = Spool(state / "spool", "processor-2", SystemClock())
    spool.append(decision("e4", subject=anna))
    spool.close()
    assert rows(audit("search", "--subject", "anna")[1]) == ["e4", "e3", "e1"]
    assert rows(audit("search", "--subject", anna)[1]) == ["e4"]
    audit("search", "--subject", "carla")
    reasons = [event.order.reason for event in last_events(state / "spool" / "operator", 3)]
    assert reasons == [f"audit search: subject={anna}"] * 2 + ["audit search: subject=(withheld)"]
    assert subjects.find("carla") is None


def test_show_tells_all_records_of_an_exchange_and_their_places(audit: Audit, state: Path) -> None:
    code, text = audit("show", "e1")
    assert code == 0
    decided, ended = text.strip().split("\n\n")
    assert "request:decision:forwarded  (log processor-0, segment" in decided
    assert 'gateway.principal.subject = "anna"' in decided
    assert "request:outcome:settled  (log processor-1" in ended
    [first, _] = json.loads(audit("show", "e1", "--json")[1])
    assert (first["log"], first["leaf"], first["attributes"]["gateway.exchange.id"]) == ("processor-0", None, "e1")
    assert audit("show", "unknown")[0] == 1


def test_the_index_is_made_anew_from_the_segments(audit: Audit, state: Path) -> None:
    before = audit("search", "--model", "large", "--json")[1]
    cursor = json.loads(before)["newer"]
    (state / "audit-index.sqlite").write_bytes(b"damaged" * 1_000)
    assert "rebuild" in audit("search")[1]
    code, text = audit("index", "rebuild")
    assert (code, text) == (0, "Indexed 7 records: 5 exchanges and acts.\n")
    assert json.loads(audit("search", "--model", "large", "--json")[1])["entries"] == json.loads(before)["entries"]
    assert "made anew" in audit("search", "--after", cursor)[1]
    assert "no cursor" in audit("search", "--after", "nonsense")[1]


def test_status_tells_what_is_not_indexed_yet(audit: Audit) -> None:
    before = json.loads(audit("index", "status", "--json")[1])
    assert before["records"] == 0
    assert all(size > 0 for size in before["unread_bytes"].values())
    audit("index", "rebuild")
    after = json.loads(audit("index", "status", "--json")[1])
    assert (after["records"], after["entries"], set(after["unread_bytes"].values())) == (6, 4, {0})
    table = audit("index", "status")[1].splitlines()
    assert table[1].split() == ["processor-0", *table[1].split()[1:2], "4", "0"]


def test_wrong_use_is_refused(audit: Audit, tmp_path: Path) -> None:
    for arguments in (["--cost-min", "-1"], ["--cost-min", "x"], ["-n", "0"], ["--subject", ""], ["--since", "soon"]):
        with pytest.raises(SystemExit):
            audit("search", *arguments)
    assert "at most 50 values" in audit("search", *(part for n in range(51) for part in ("--team", str(n))))[1]
    assert main(["audit", "search", "--state", str(tmp_path / "absent")]) == 2
