from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import AccountLine
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.cli.main import main
from gateway_ext.exchange import Usage
from tests.unit.budget.reservations import FixedClock, reservation


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """A ledger with two windows, and a subject that tries to write to the terminal."""

    def line(window: str, rule: str, scope: str, value: str) -> AccountLine:
        return AccountLine(str(AccountKey("EUR", window, rule, scope, value)), rule, 20_000_000_000)

    async def fill() -> None:
        ledger = SqliteLedger(tmp_path / "ledger.sqlite", FixedClock())
        await ledger.open()
        await ledger.reserve(reservation("old", 7, line("2026-10", "people", "user", "ada@example.com")))
        ada, team = line("2026-11", "people", "user", "ada@example.com"), line("2026-11", "teams", "team", "a/b")
        await ledger.reserve(reservation("h1", 2_000_000_000, ada, team))
        await ledger.reserve(reservation("h2", 1_500_000_000, ada))
        await ledger.post("h1", Usage(123_456_789, 0), "eu/model", "test")
        await ledger.reserve(reservation("h3", 1, line("2026-11", "people", "user", "\x1b[2Jmallory")))
        await ledger.close()

    asyncio.run(fill())
    return tmp_path


def test_status_is_a_table_of_the_newest_window(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "status", "--state", str(state_dir)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "RULE    SCOPE  VALUE            WINDOW   CURRENCY      LIMIT    POSTED      HELD       LEFT",
        "people  user   �[2Jmallory      2026-11  EUR       20.000000  0.000000  0.000000  20.000000",
        "people  user   ada@example.com  2026-11  EUR       20.000000  0.123457  1.500000  18.376543",
        "teams   team   a/b              2026-11  EUR       20.000000  0.123457  0.000000  19.876543",
    ]


def test_all_windows_as_json(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "status", "--state", str(state_dir), "--all", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["window"] for row in rows] == ["2026-10", "2026-11", "2026-11", "2026-11"]
    assert rows[3] == {
        "rule": "teams",
        "scope": "team",
        "value": "a/b",
        "window": "2026-11",
        "currency": "EUR",
        "limit_nano": 20_000_000_000,
        "posted_nano": 123_456_789,
        "held_nano": 0,
        "left_nano": 19_876_543_211,
    }


def test_an_unused_ledger_has_nothing_to_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def create() -> None:
        ledger = SqliteLedger(tmp_path / "ledger.sqlite", FixedClock())
        await ledger.open()
        await ledger.close()

    asyncio.run(create())
    assert main(["budget", "status", "--state", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "No budget has been used yet.\n"
    assert main(["budget", "status", "--state", str(tmp_path), "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_a_missing_or_broken_ledger_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "status", "--state", str(tmp_path)]) == 2
    assert "ledger.sqlite: there is no ledger" in capsys.readouterr().err
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database" * 100)
    assert main(["budget", "status", "--state", str(tmp_path)]) == 2
    assert "ledger.sqlite: the ledger cannot be read (file is not a database)" in capsys.readouterr().err
