"""Slices that processors share in a real Redis: the ledger's contract, and what becomes of them when Redis loses something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway_ext.budget.leases import ledger as module
from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.leases.rules import LeaseRules
from gateway_ext.budget.redis import slices
from gateway_ext.budget.redis.slices import RedisSlices
from gateway_ext.budget.rules import AccountLine, Settlement
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.status import read_accounts
from gateway_ext.errors import BudgetExhausted, ConfigurationError
from gateway_ext.exchange import Usage
from gateway_ext.limits import NANO
from tests.servers.redis import Redis, running_redis
from tests.unit.budget.leases.leased import EAGER, LeaseClock, without_leases
from tests.unit.budget.leases.leased_contract import LeasedContract
from tests.unit.budget.ledger_contract import Balances
from tests.unit.budget.reservations import FixedClock, assert_books_balance, hold_states, reservation

LINE = AccountLine("user", "per-user", 64_000)  # slices of up to 1000


@pytest.fixture(autouse=True)
def _tended_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEND_SECONDS", 3_600.0)


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with running_redis() as server:
        yield server


@pytest.fixture
def path(tmp_path: Path, server: Redis) -> Path:
    server.do("FLUSHALL")
    return tmp_path / "ledger.sqlite"


def read_balances(path: Path) -> dict[str, tuple[int, int]]:
    return {account.key: (account.held_nano, account.posted_nano) for account in read_accounts(path)}


def open_leases(path: Path) -> int:
    return sum(state == "held" for key, state in hold_states(path).items() if key.startswith("lease-"))


class TestSharedSlices(LeasedContract):
    """After each test all leases are given back, and the books balance."""

    @pytest.fixture
    async def ledger(self, path: Path, server: Redis, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LeasedLedger]:
        monkeypatch.setattr(slices, "ANSWER_SECONDS", 20.0)  # an answer that comes too late leaves a lease open
        record = SqliteLedger(path, FixedClock())
        ledger = LeasedLedger(record, LeaseClock(), EAGER, slices=RedisSlices(server.url))
        await ledger.open()
        yield ledger
        await ledger.close()
        assert_books_balance(path)
        assert open_leases(path) == 0

    @pytest.fixture
    def balances(self, path: Path, ledger: LeasedLedger) -> Balances:
        return lambda: without_leases(read_balances(path), ledger)


# --- two processors of one site ---------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> LeaseClock:
    return LeaseClock()


@pytest.fixture
async def site(path: Path, server: Redis, clock: LeaseClock) -> AsyncIterator[tuple[LeasedLedger, LeasedLedger]]:
    rules = LeaseRules(warm_requests=0)
    one, other = (LeasedLedger(SqliteLedger(path, clock), clock, rules, slices=RedisSlices(server.url)) for _ in "ab")
    await one.open()
    await other.open()
    yield one, other
    await one.close()
    await other.close()
    assert_books_balance(path)


async def reserve_many(ledger: LeasedLedger, name: str, count: int) -> None:
    for number in range(count):
        await ledger.reserve(reservation(f"{name}{number}", 100, LINE))


async def test_processors_share_a_slice_and_it_is_given_back(
    path: Path, clock: LeaseClock, site: tuple[LeasedLedger, LeasedLedger]
) -> None:
    one, other = site
    await reserve_many(one, "one", 2)
    await reserve_many(other, "other", 3)
    assert open_leases(path) == 1
    clock.now += 4 * NANO
    await one.tend()
    assert open_leases(path) == 1  # what the other one took of it is not written yet
    await other.tend()
    await one.tend()
    assert open_leases(path) == 0
    assert read_balances(path) == {"user": (500, 0)}


async def test_an_end_is_settled_by_the_other_one(site: tuple[LeasedLedger, LeasedLedger]) -> None:
    one, other = site
    await reserve_many(one, "h", 3)
    (settled,) = await other.settle_all([Settlement("h2", Usage(40, 0), "eu/model", "access_log")])
    assert settled is not None
    assert settled.cost_nano == 40


async def test_many_at_the_last_cent_spend_it_once(path: Path, site: tuple[LeasedLedger, LeasedLedger]) -> None:
    line = AccountLine("team", "per-team", 6_400)

    async def attempt(number: int) -> bool:
        try:
            await site[number % 2].reserve(reservation(f"h{number}", 20, line))
        except BudgetExhausted:
            return False
        return True

    granted = sum(await asyncio.gather(*map(attempt, range(400))))
    assert granted <= 320
    for ledger in (*site, *site):
        await ledger.give_back_all()
    assert open_leases(path) == 0
    for number in range(400, 400 + 320 - granted):
        assert await attempt(number)
        for ledger in (*site, *site):
            await ledger.give_back_all()
    assert read_balances(path) == {"team": (6_400, 0)}
    assert not await attempt(1_000)


# --- what Redis loses -------------------------------------------------------------------------------------------------


async def lost(server: Redis, how: str) -> None:
    if how == "flush":
        server.do("FLUSHALL")
        return
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)


@pytest.mark.parametrize("how", ["flush", "restart"])
async def test_what_redis_has_lost_stays_held_and_expires(
    path: Path, server: Redis, clock: LeaseClock, site: tuple[LeasedLedger, LeasedLedger], how: str
) -> None:
    one, other = site
    await reserve_many(one, "h", 3)
    await lost(server, how)
    await reserve_many(other, "other", 2)
    clock.now += 3 * NANO
    await reserve_many(one, "again", 2)
    for ledger in (*site, *site):
        await ledger.give_back_all()
    assert open_leases(path) == 1
    assert read_balances(path)["user"][0] == 800 + 400  # the lost slice is held, what was granted of it included
    clock.now += 61 * NANO
    (expired,) = await one.expire(clock.now)
    assert expired.cost_nano == 800 - 300
    assert read_balances(path) == {"user": (700, 500)}


async def test_an_older_state_of_redis_is_never_taken_from(
    path: Path, server: Redis, site: tuple[LeasedLedger, LeasedLedger]
) -> None:
    """A snapshot is loaded that is older than what was granted since: the same slice would be granted twice."""
    one, other = site
    await reserve_many(one, "h", 2)
    server.do("SAVE")
    await reserve_many(one, "since", 6)
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)
    assert server.do("KEYS", "*:slice:*")  # it did load it
    await reserve_many(other, "after", 5)  # of the old slice there is one left
    await one.tend()
    await other.tend()
    assert_books_balance(path)
    assert read_balances(path)["user"][0] >= 1_300
    assert not [key for key, state in hold_states(path).items() if state == "held" and not accounts_of(path, key)]


def accounts_of(path: Path, hold_id: str) -> str:
    import sqlite3  # noqa: PLC0415

    with sqlite3.connect(path) as connection:
        accounts = str(connection.execute("SELECT accounts FROM hold WHERE id = ?", (hold_id,)).fetchone()[0])
    return accounts if accounts != "[]" else ""


async def test_without_redis_requests_are_reserved_in_the_ledger(path: Path, clock: LeaseClock) -> None:
    ledger = LeasedLedger(SqliteLedger(path, clock), clock, EAGER, slices=RedisSlices("redis://127.0.0.1:1/0"))
    await ledger.open()
    await reserve_many(ledger, "h", 5)
    await ledger.tend()
    assert sum(state == "held" for key, state in hold_states(path).items() if not key.startswith("lease-")) == 5
    assert open_leases(path) <= 1
    await ledger.close()


@pytest.mark.parametrize(
    "url",
    ["redis://:hunter2@127.0.0.1/0", "redis://127.0.0.1/0?password=hunter2", "http://hunter2", "redis://[hunter2/"],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        RedisSlices(url)
    assert "hunter2" not in str(refusal.value)


def test_a_password_comes_from_a_file_of_its_own(tmp_path: Path, server: Redis) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    file.chmod(0o644)
    for path in (file, tmp_path / "none"):
        with pytest.raises(ConfigurationError) as refusal:
            RedisSlices(server.url, str(path))
        assert "hunter2" not in str(refusal.value)
    file.chmod(0o600)
    RedisSlices(server.url, str(file))
