import json
from pathlib import Path

import pytest

from gateway_ext.audit.cursor import Cursor, save_cursor
from gateway_ext.audit.enrolment import enrol
from gateway_ext.audit.events import EventName
from gateway_ext.audit.outputs.otlp import to_request
from gateway_ext.audit.reading import last_events, next_batch
from gateway_ext.audit.records import AlertRecord, DecisionRecord, OrderRecord, OutcomeRecord
from gateway_ext.audit.segments import segment_path
from gateway_ext.audit.spool import Spool
from gateway_ext.cli.main import main
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import Candidate, CredentialClass, Finding, Outcome, Principal, Usage
from gateway_ext.limits import NANO
from gateway_ext.telemetry.otlp_file_sink import split, to_line

EU = Candidate("eu-1", "openai", "large-2026", "EU", "sovereign")
FORWARDED = DecisionRecord(
    EventName.DECISION_FORWARDED,
    "abcdef0123456789",
    "forward",
    "d",
    "public",
    "192.0.2.1",
    principal=Principal("anna\x1b[31m", "person", "company", CredentialClass.SSO, "k"),
    model="large",
    candidates=(EU,),
    findings=(Finding("email", "1", "personal", 0, "/messages/0/content", 1, 2, 0.9, "log", False, "f"),) * 2,
)
REFUSED = DecisionRecord(
    EventName.DECISION_REFUSED, "e2", "refuse", "d", "public", "192.0.2.1", http_status=429, reason="budget_exhausted"
)
SETTLED = OutcomeRecord(
    EventName.OUTCOME_SETTLED,
    Outcome("e1", "h1", 200, "eu-1", None, 1, 1, 1, 1, 1, True, "access_log", ("usage_estimated",)),
    Usage(812, 120),
    12_345_678,
    "EUR",
    EU,
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state of two processes with three records in all."""
    spools = [Spool(tmp_path / "spool", f"processor-{index}", SystemClock()) for index in (0, 1)]
    spools[0].append(FORWARDED)
    spools[1].append(REFUSED)
    spools[0].append(SETTLED)
    for spool in spools:
        spool.close()
    return tmp_path


def output(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, list[str]]:
    code = main(["audit", *map(str, arguments)])
    return code, capsys.readouterr().out.splitlines()


def test_tail_is_a_table_of_all_processes_in_order_of_time(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = output(capsys, "tail", "--state", state)
    assert code == 0
    header, forwarded, refused, settled = lines
    assert header.split() == ["TIME", "EVENT", "EXCHANGE", "WHO", "MODEL", "RESULT", "DETAIL"]
    cells = "request:decision:forwarded abcdef01 anna\N{REPLACEMENT CHARACTER}[31m large to eu-1 2 personal"
    assert forwarded.split()[2:] == cells.split()
    assert "429 budget_exhausted" in refused
    assert " ".join(settled.split()).endswith("200 eu-1 812+120 tokens, 0.012346 EUR, usage_estimated")


def test_tail_says_what_was_told_and_granted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alert = AlertRecord(
        *(EventName.THRESHOLD_REACHED, "a1", "threshold", "per-team", "team", "sales", "", "2026-11", "EUR"),
        threshold_percent=80,
        limit_nano=500 * NANO,
        posted_nano=401 * NANO + NANO // 4,
        held_nano=0,
        hard=True,
    )
    top_up = OrderRecord(
        *(EventName.TOPUP_GRANTED, "budget", "EUR/per-team/team/sales", "", "ada", "root", "trade fair"),
        amount_nano=250 * NANO,
        currency="EUR",
    )
    spool = Spool(tmp_path / "spool", "control", SystemClock())
    spool.append(alert)
    spool.append(top_up)
    spool.close()
    _, (_, told, granted) = output(capsys, "tail", "--state", tmp_path)
    assert " ".join(told.split()).endswith("per-team sales 80 % 401.25 of 500 EUR posted")
    assert " ".join(granted.split()).endswith("ada budget EUR/per-team/team/sales 250 EUR, trade fair")


def test_tail_n_takes_the_last(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = output(capsys, "tail", "--state", state, "-n", "1", "--json")
    (entry,) = map(json.loads, lines)
    assert (entry["name"], entry["process"]) == ("request:outcome:settled", "processor-0")
    assert entry["attributes"]["gen_ai.usage.input_tokens"] == 812


def test_tail_of_the_sink_shows_the_same_without_duplicates(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = last_events(state / "spool" / "processor-0", 10)
    lines = [to_line(record) for record in split(to_request(events))]
    (state / "sink.jsonl").write_bytes(b"".join(lines + lines[:1]))
    _, from_sink = output(capsys, "tail", "--sink", state / "sink.jsonl", "--json")
    _, from_spool = output(capsys, "tail", "--state", state, "--json")
    expected = [entry for entry in map(json.loads, from_spool) if entry["process"] == "processor-0"]
    assert sorted(map(json.loads, from_sink), key=lambda entry: int(entry["time_unix_nano"])) == expected


def test_status_counts_per_process(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = state / "spool" / "processor-0"
    save_cursor(directory, next_batch(directory, Cursor(), 1, 1 << 20).cursor)
    code, lines = output(capsys, "status", "--state", state, "--json")
    assert code == 0
    first, second = json.loads("\n".join(lines))
    assert (first["process"], first["written"], first["acknowledged"], first["lost"]) == ("processor-0", 2, 1, 0)
    assert 0 < first["lag_bytes"] < first["disk_bytes"]
    assert (second["written"], second["acknowledged"]) == (1, 0)
    _, table = output(capsys, "status", "--state", state)
    assert table[0].startswith("PROCESS")
    assert table[1].split()[:4] == ["processor-0", "otlp", "2", "1"]
    assert table[2].split()[:4] == ["processor-1", "-", "1", "0"]


def test_status_shows_how_far_each_output_is(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = state / "spool" / "processor-0"
    save_cursor(directory, next_batch(directory, Cursor(), 2, 1 << 20).cursor)
    enrol(directory, ["otlp", "syslog"])
    _, lines = output(capsys, "status", "--state", state, "--json")
    otlp, syslog, _ = json.loads("\n".join(lines))
    assert (otlp["output"], otlp["written"], otlp["acknowledged"], otlp["lag_bytes"]) == ("otlp", 2, 2, 0)
    assert (syslog["output"], syslog["written"], syslog["acknowledged"]) == ("syslog", 2, 0)
    assert syslog["lag_bytes"] == syslog["disk_bytes"]


def test_status_says_no_when_records_were_lost(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = state / "spool" / "processor-0"
    save_cursor(directory, Cursor(segment=1, lost_records=2))
    code, _ = output(capsys, "status", "--state", state)
    assert code == 1


def test_a_missing_spool_or_sink_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["tail"], ["status"], ["tail", "--sink", str(tmp_path / "none.jsonl")]):
        assert main(["audit", *arguments, "--state", str(tmp_path)]) == 2
        assert str(tmp_path) in capsys.readouterr().err


def test_a_fresh_spool_has_nothing_to_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spool").mkdir()
    assert output(capsys, "tail", "--state", tmp_path) == (0, ["No records yet."])
    assert output(capsys, "status", "--state", tmp_path) == (0, ["No process has written yet."])
    assert not segment_path(tmp_path / "spool", 1).exists()
