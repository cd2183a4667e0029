from __future__ import annotations

import asyncio
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import AccountLine, TopUp
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.cli.main import main
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import Usage
from gateway_ext.limits import NANO
from gateway_ext.quota import Unit
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


POLICIES = Path(__file__).parents[3] / "policies"
QUOTAS = """
quotas:
  - {name: slow, scope: user, unit: requests, limit: 10, per: day}
  - {name: dear, scope: team, unit: money, limit: 2.5, per: hour, per_model: true}
  - {name: unused, scope: user, unit: requests, limit: 10, per: day}
priorities:
  batch: {share_percent: 50}
"""


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """The shipped policy with quotas."""
    directory = tmp_path / "policies"
    shutil.copytree(POLICIES, directory)
    budgets = directory / "budgets.yaml"
    budgets.write_text(re.sub(r"(?ms)^(quotas|priorities):.*?(?=^\S|\Z)", "", budgets.read_text()) + QUOTAS)
    return directory


def use_quotas(state_dir: Path, now_unix_nano: int) -> None:
    slow = QuotaLine("requests/86400/slow/user/a%2Fda", "slow", Unit.REQUESTS, 10, 86_400, 4)
    share = replace(slow, key=f"{slow.key}/batch", limit=5)
    dear = QuotaLine("EUR/3600/dear/team/t/assistant", "dear", Unit.MONEY, 2_500_000_000, 3_600, 500_000_000)
    full = QuotaLine("requests/86400/slow/user/full", "slow", Unit.REQUESTS, 10, 86_400, 4, only_answered=True)
    forgotten = replace(slow, key="requests/60/slow/user/ada")  # of a rule that was per minute then

    async def use() -> None:
        clock = FixedClock(now_unix_nano)
        ledger = SqliteLedger(state_dir / "ledger.sqlite", clock)
        await ledger.open()
        account = AccountLine(str(AccountKey("EUR", "2026-11", "teams", "team", "a/b")), "teams", 20_000_000_000)
        asked = replace(reservation("q1", 1, account), created_unix_nano=now_unix_nano)
        await ledger.reserve(replace(asked, quotas=(slow, share, dear, forgotten)))
        await ledger.reserve(replace(asked, id="q2", quotas=(full,)))
        await ledger.void("q2", "test")
        await ledger.close()

    asyncio.run(use())


def test_status_is_a_table_of_the_newest_window(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "status", "--state", str(state_dir)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "RULE    SCOPE  VALUE            MODEL  WINDOW   CURRENCY      LIMIT     ADDED    POSTED      HELD       LEFT",
        "people  user   �[2Jmallory             2026-11  EUR       20.000000  0.000000  0.000000  0.000000  20.000000",
        "people  user   ada@example.com         2026-11  EUR       20.000000  0.000000  0.123457  1.500000  18.376543",
        "teams   team   a/b                     2026-11  EUR       20.000000  0.000000  0.123457  0.000000  19.876543",
    ]


def test_all_windows_as_json(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "status", "--state", str(state_dir), "--all", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    rows = shown["budgets"]
    assert shown["quotas"] == []
    assert [row["window"] for row in rows] == ["2026-10", "2026-11", "2026-11", "2026-11"]
    assert rows[3] == {
        "rule": "teams",
        "scope": "team",
        "value": "a/b",
        "model": "",
        "window": "2026-11",
        "currency": "EUR",
        "limit_nano": 20_000_000_000,
        "added_nano": 0,
        "posted_nano": 123_456_789,
        "held_nano": 0,
        "left_nano": 19_876_543_211,
    }


def test_what_is_granted_on_top_is_left_in_periods_that_are_not_over(
    state_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = SystemClock().now_unix_nano()

    async def grant() -> None:
        ledger = SqliteLedger(state_dir / "ledger.sqlite", FixedClock())
        await ledger.open()
        key = str(AccountKey("EUR", "2026-09", "people", "user", "ada@example.com"))
        await ledger.reserve(reservation("over", 7, AccountLine(key, "people", 20, resets_in_seconds=1)))
        for number, ends in enumerate((now + NANO * 3_600, now - 1)):
            await ledger.top_up(TopUp(str(number), "EUR/people/user/ada%40example.com", 5, 0, ends, "root", "fair"))
        await ledger.close()

    asyncio.run(grant())
    assert main(["budget", "status", "--state", str(state_dir), "--all", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["budgets"]
    found = {(row["window"], row["value"]): (row["added_nano"], row["left_nano"]) for row in rows}
    assert found["2026-09", "ada@example.com"] == (0, 13)
    assert found["2026-10", "ada@example.com"] == (5, 20_000_000_000 - 7 + 5)  # nobody knows when it ends
    assert found["2026-11", "a/b"] == (0, 19_876_543_211)


def test_quotas_that_are_not_full_are_shown_by_todays_policy(
    state_dir: Path, policies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = SystemClock().now_unix_nano()
    use_quotas(state_dir, now)
    command = ["budget", "status", "--state", str(state_dir), "--policies", str(policies)]
    assert main([*command, "--json"]) == 0
    quotas = json.loads(capsys.readouterr().out)["quotas"]
    told = [(each["rule"], each["value"], each["model"], each["priority"], each["limit"]) for each in quotas]
    assert told == [
        ("dear", "t", "assistant", "", 2_500_000_000),
        ("slow", "a/da", "", "", 10),
        ("slow", "a/da", "", "batch", 5),
    ]
    dear, slow, share = (each["left"] for each in quotas)
    assert 2_000_000_000 <= dear < 2_100_000_000  # it refills meanwhile
    assert (slow, share) == (6, 1)
    assert abs(quotas[1]["full_unix_seconds"] - (now // NANO + 4 * 8_640)) <= 1
    assert main(command) == 0
    lines = [line.split() for line in capsys.readouterr().out.partition("QUOTA ")[2].splitlines()]
    assert [line[0] for line in lines[1:]] == ["dear", "slow", "slow"]
    assert lines[2][1:5] == ["user", "a/da", "requests", "day"]
    assert lines[2][-2:] == ["10", "6"]


def test_accounts_are_shown_without_a_policy(state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    use_quotas(state_dir, SystemClock().now_unix_nano())
    assert main(["budget", "status", "--state", str(state_dir), "--policies", str(state_dir), "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err.startswith("Quotas are not shown: ")
    assert json.loads(shown.out)["quotas"] is None
    assert json.loads(shown.out)["budgets"]


def test_an_unused_ledger_has_nothing_to_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def create() -> None:
        ledger = SqliteLedger(tmp_path / "ledger.sqlite", FixedClock())
        await ledger.open()
        await ledger.close()

    asyncio.run(create())
    assert main(["budget", "status", "--state", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "No budget has been used yet.\n"
    assert main(["budget", "status", "--state", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"budgets": [], "quotas": []}


def test_a_missing_or_broken_ledger_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["budget", "status", "--state", str(tmp_path)]) == 2
    assert "ledger.sqlite: there is no ledger" in capsys.readouterr().err
    (tmp_path / "ledger.sqlite").write_bytes(b"not a database" * 100)
    assert main(["budget", "status", "--state", str(tmp_path)]) == 2
    assert "ledger.sqlite: the ledger cannot be read (file is not a database)" in capsys.readouterr().err
