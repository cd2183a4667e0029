from __future__ import annotations

import asyncio
import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.budget.postgres.ledger import PostgresLedger
from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.cli.main import main
from gateway_ext.cli.prices_shown import percent, units
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import Usage
from gateway_ext.limits import NANO
from gateway_ext.settings import load_settings
from tests.servers.postgres import running_postgres
from tests.unit.budget.reservations import FixedClock, reservation

GOOD = Path(__file__).parents[2] / "policies" / "good"
BOOK = """
exchange: {USD: [{from: 2025-01-01, rate: 0.5}]}
prices:
  us/big:
    - {from: 2025-01-01, currency: USD, input: 6, output: 30}
    - {from: 2026-01-01, currency: USD, input: 4, output: 20, cached_input: 0.4, discount_percent: 10}
"""
DAY_NANO = 86_400 * NANO


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    directory = Path(shutil.copytree(GOOD, tmp_path / "policies"))
    models = directory / "models.yaml"
    inline = ", price: {input: 2.5, output: 10, cached_input: 1.25, per_request: 0.000000001}"
    assert inline in models.read_text()
    models.write_text(models.read_text().replace(inline, ""))
    (directory / "prices.yaml").write_text(BOOK)
    return directory


@pytest.fixture
def prices(policies: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs `prices …`: exit code, standard output, standard error."""

    def run(command: str, *arguments: str) -> tuple[int, str, str]:
        status = main(["prices", command, *arguments, "--policies", str(policies)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


Prices = Callable[..., tuple[int, str, str]]


def test_show_has_discount_and_exchange_rate_in_the_rates(prices: Prices) -> None:
    status, out, _ = prices("show", "us/big", "--json")
    (row,) = json.loads(out)
    assert (status, row["deployment"], row["from"], row["currency"]) == (0, "us/big", "2026-01-01", "EUR")
    assert row["rates"] == {"input": "1.8", "output": "9", "cached_input": "0.18"}


def test_show_at_another_day(prices: Prices) -> None:
    assert json.loads(prices("show", "us/big", "--at", "2025-12-31", "--json")[1])[0]["rates"]["input"] == "3"
    status, _, err = prices("show", "us/big", "--at", "2024-12-31")
    assert (status, err) == (1, "No price of 'us/big' is in force then.\n")


def test_show_a_model_with_all_its_deployments(prices: Prices) -> None:
    status, out, _ = prices("show", "assistant")
    lines = [line.split() for line in out.splitlines()]
    assert status == 0
    assert lines[0] == ["DEPLOYMENT", "FROM", "CURRENCY", "INPUT", "OUTPUT", "CACHED", "FURTHER"]
    assert lines[1:] == [
        ["us/big", "2026-01-01", "EUR", "1.8", "9", "0.18"],
        ["eu/assistant", "always", "EUR", "0.4", "2", "0.4"],
    ]


def test_show_what_nobody_knows(prices: Prices) -> None:
    status, _, err = prices("show", "asistant")
    assert status == 2
    assert "unknown model or deployment 'asistant'; did you mean 'assistant'?" in err


def test_a_day_that_is_none(prices: Prices, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        prices("show", "us/big", "--at", "yesterday")
    assert caught.value.code == 2
    assert "'yesterday' is no day" in capsys.readouterr().err


def test_check_says_what_is_odd_and_what_holds(prices: Prices, policies: Path) -> None:
    status, out, err = prices("check", str(policies), "--stale-days", "100000")
    assert (status, err) == (0, "")
    assert "us/big" in out
    status, _, err = prices("check", str(policies), "--stale-days", "1")
    assert status == 0
    assert f"{policies}/prices.yaml:6:14: warning: 'us/big' is " in err
    assert prices("check", str(policies), "--stale-days", "1", "--strict")[0] == 1


def test_check_says_all_that_keeps_a_policy_from_being_loaded(prices: Prices, policies: Path) -> None:
    (policies / "prices.yaml").write_text(BOOK.replace("us/big", "us/bgi").replace("USD: [", "CHF: ["))
    status, out, _ = prices("check", str(policies), "--json")
    found = json.loads(out)
    assert (status, found["ok"]) == (1, False)
    messages = [f"{problem['file']} {problem['message']}" for problem in found["problems"]]
    assert any("lacks the key 'price'" in message for message in messages)
    assert sum("no exchange rate for 'USD'" in message for message in messages) == 2
    assert any("'us/bgi'" in warning["message"] for warning in found["warnings"])


def test_check_a_book_before_it_is_put_in_its_place(prices: Prices, policies: Path, tmp_path: Path) -> None:
    book = tmp_path / "next.yaml"
    book.write_text(BOOK.replace("input: 4", "input: 4.0.1"))
    status, _, err = prices("check", str(book))
    assert status == 1
    assert "prices.yaml:6:" in err
    assert prices("check", str(tmp_path / "missing.yaml"))[0] == 1


def test_diff_says_what_changes_in_percent(prices: Prices, policies: Path, tmp_path: Path) -> None:
    book = tmp_path / "next.yaml"
    book.write_text(BOOK.replace("input: 4,", "input: 5,").replace("cached_input: 0.4,", "reasoning: 40,"))
    status, out, _ = prices("diff", str(policies), str(book), "--json")
    changes = {(each["rate"]): (each["before"], each["after"], each["change"]) for each in json.loads(out)["changes"]}
    assert status == 1
    assert changes == {
        "input": ("1.8", "2.25", "+25.0 %"),
        "cached_input": ("0.18", "2.25", "+1150.0 %"),
        "reasoning": ("", "18", "new"),
    }
    assert prices("diff", str(policies), str(policies))[:2] == (0, "No price changes.\n")
    assert prices("diff", str(policies), str(book), "--at", "2025-05-05")[0] == 0


def test_diff_of_different_currencies(prices: Prices, policies: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(policies, tmp_path / "other"))
    budgets = other / "budgets.yaml"
    budgets.write_text(budgets.read_text().replace("EUR", "CHF"))
    assert prices("diff", str(policies), str(other))[0] == 2


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Those of a gateway whose ledger has a little traffic of last month, and of this one."""
    path = tmp_path / "settings.yaml"
    path.write_text(f"state_dir: {tmp_path / 'state'}\n")
    if request.param == "sqlite":
        asyncio.run(_fill(SqliteLedger(load_settings(path).layout.ledger, FixedClock())))
        yield path
        return
    with running_postgres() as server:
        migrate(server.url)
        asyncio.run(_fill(PostgresLedger(server.url, FixedClock())))
        path.write_text(f"ledger_url: {server.url}\n")
        yield path


async def _fill(ledger: SqliteLedger | PostgresLedger) -> None:
    await ledger.open()
    now = SystemClock().now_unix_nano()
    for number in range(6):
        asked = replace(
            reservation(f"h{number}", 1, expires_unix_nano=2**62),
            created_unix_nano=now if number == 4 else _middle_of_last_month(now),
            currency="USD" if number == 5 else "EUR",
        )
        await ledger.reserve(asked)
    usage = Usage(1_000_000, 100_000, 200_000, reasoning_tokens=50_000)
    await ledger.post("h0", usage, "us/big", "access_log")
    await ledger.post("h1", None, "us/big", "access_log")
    await ledger.post("h2", usage, "us/gone", "access_log")
    await ledger.void("h3", "access_log")
    await ledger.post("h4", usage, "us/big", "access_log")
    await ledger.post("h5", usage, "us/big", "access_log")
    await ledger.close()


def test_diff_says_what_last_month_would_have_cost(policies: Path, tmp_path: Path, settings: Path) -> None:
    book = tmp_path / "next.yaml"
    book.write_text(BOOK.replace("output: 20,", "output: 20, reasoning: 40,"))
    traffic = _diff(policies, book, "--settings", str(settings))
    assert set(traffic) == {"us/big", "us/gone"}
    found = traffic["us/big"]
    # 0.8 × 1.8 + 0.2 × 0.18 + 0.1 × 9; reasoning at twice the rate of the output
    assert (found["requests"], found["unpriced"], found["before"], found["after"]) == (2, 1, "2.376", "2.826")
    assert found["change"] == "+18.9 %"
    assert (traffic["us/gone"]["requests"], traffic["us/gone"]["unpriced"]) == (1, 1)
    if (tmp_path / "state").exists():
        assert _diff(policies, book, "--state", str(tmp_path / "state")) == traffic


def _middle_of_last_month(now_unix_nano: int) -> int:
    """Fifteen days before the first of this one, whatever day it is."""
    first = datetime.fromtimestamp(now_unix_nano // NANO, UTC).replace(day=1, hour=12)
    return int(first.timestamp()) * NANO - 15 * DAY_NANO


def _diff(before: Path, after: Path, *where: str) -> dict[str, Any]:
    out = io.StringIO()
    with redirect_stdout(out):
        main(["prices", "diff", str(before), str(after), *where, "--policies", str(before), "--json"])
    return {row["deployment"]: row for row in json.loads(out.getvalue())["traffic"]}


def test_diff_without_a_ledger(prices: Prices, policies: Path, tmp_path: Path) -> None:
    status, _, err = prices("diff", str(policies), str(policies), "--state", str(tmp_path / "nowhere"))
    assert status == 2
    assert "there is no ledger" in err


def test_amounts_are_rounded_up_and_changes_to_the_nearest() -> None:
    assert [units(Fraction(n, 3_000_000)) for n in (0, 1, 3, 4)] == ["0", "0.000001", "0.000001", "0.000002"]
    assert units(Fraction(-5, 2)) == "-2.5"
    assert [percent(4, 5), percent(5, 4), percent(0, 1), percent(0, 0), percent(3, 3)] == [
        "+25.0 %",
        "-20.0 %",
        "new",
        "0.0 %",
        "0.0 %",
    ]
