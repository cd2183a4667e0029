from __future__ import annotations

import csv
import stat
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from gateway_ext.budget.reports.focus_columns import COLUMNS, DECIMAL
from gateway_ext.budget.reports.sqlite_usage import SqliteUsage
from gateway_ext.cli.main import main
from tests.unit.budget.reports import focus_rules
from tests.unit.cli.ledger_with_traffic import fill


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    fill(tmp_path)
    return tmp_path


def export(state_dir: Path, out: Path, *arguments: str) -> int:
    return main(["budget", "export", "--state", str(state_dir), "--window", "2023-11", "--out", str(out), *arguments])


def read_csv(path: Path) -> list[dict[str, str | None]]:
    with path.open(newline="") as file:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]


def test_a_file_as_focus_says(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = state_dir / "usage.csv"
    assert export(state_dir, out, "--organisation", "Acme") == 0
    rows = read_csv(out)
    assert capsys.readouterr().out == f"{out}: {len(rows)} rows of 2023-11 (UTC), FOCUS 1.4\n"
    assert list(focus_rules.faults(list(COLUMNS), rows)) == []
    assert sum(Decimal(row["BilledCost"] or 0) for row in rows) == Decimal("6.33")
    assert {row["x_HoldId"] for row in rows} == {"a1", "a2", "b1", "b3", "e1", "late", "m1"}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_what_others_wrote_runs_in_no_spreadsheet_and_no_terminal(state_dir: Path) -> None:
    out = state_dir / "usage.csv"
    export(state_dir, out)
    subjects = {row["x_SubjectId"] for row in read_csv(out) if row["x_HoldId"] == "m1"}
    assert subjects == {"'=cmd|'\N{REPLACEMENT CHARACTER}[2J"}
    assert "\x1b" not in out.read_text()


def test_parquet_says_the_same_exactly(state_dir: Path) -> None:
    out = state_dir / "it's usage.parquet"
    assert export(state_dir, out) == 0
    export(state_dir, state_dir / "usage.csv")
    with duckdb.connect(":memory:") as database:
        database.execute("SET TimeZone = 'UTC'")
        statement = "SELECT columns(*)::varchar FROM read_parquet($1) ORDER BY x_HoldId, SkuMeter"
        found = [dict(zip(COLUMNS, row, strict=True)) for row in database.execute(statement, [str(out)]).fetchall()]
        types = dict(database.execute("SELECT name, type FROM parquet_schema($1)", [str(out)]).fetchall())
    lines = sorted(read_csv(state_dir / "usage.csv"), key=lambda row: (row["x_HoldId"], row["SkuMeter"]))
    for row, line in zip(found, lines, strict=True):
        assert [name for name in COLUMNS if (row[name] is None) != (line[name] is None)] == []
        for name, kind in COLUMNS.items():
            if kind == DECIMAL and line[name] is not None:
                assert Decimal(row[name]) == Decimal(line[name] or "")
    assert (types["BilledCost"], types["Tags"]) == ("FIXED_LEN_BYTE_ARRAY", "BYTE_ARRAY")
    hostile = next(row for row in found if row["x_HoldId"] == "m1")
    assert hostile["x_SubjectId"] == "=cmd|'\x1b[2J"
    assert hostile["ChargePeriodStart"] == "2023-11-14 22:00:00+00"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(each.name for each in state_dir.iterdir() if "usage" in each.name) == [
        "it's usage.parquet",
        "usage.csv",
    ]


def test_only_some_without_names(state_dir: Path) -> None:
    (state_dir / "fingerprint.key").write_bytes(bytes(32))
    out = state_dir / "usage.csv"
    assert export(state_dir, out, "--where", "user=ada@example.com", "--pseudonyms") == 0
    rows = read_csv(out)
    assert {row["x_HoldId"] for row in rows} == {"a1", "a2", "late"}
    assert "ada" not in out.read_text()
    assert len({row["x_SubjectId"] for row in rows}) == 1


def test_parquet_without_the_extra_names_it(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert export(state_dir, state_dir / "usage.parquet") == 2
    assert "pip install 'gateway-ext[reports]'; CSV needs nothing" in capsys.readouterr().err


def test_a_failed_export_leaves_what_there_was(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = state_dir / "usage.csv"
    out.write_text("last month's")
    assert export(state_dir, state_dir / "usage.xls") == 2
    assert "exports are .csv or .parquet" in capsys.readouterr().err
    assert export(state_dir, state_dir / "no" / "usage.csv") == 2
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err

    def fails(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SqliteUsage, "charged", fails)
    assert export(state_dir, out) == 130
    assert out.read_text() == "last month's"
    assert [each.name for each in state_dir.iterdir() if each.name.endswith(".part")] == []
