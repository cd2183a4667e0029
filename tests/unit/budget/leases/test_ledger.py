"""The ledger's contract with leases over SQLite, and what leases promise."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.budget.leases import ledger as module
from gateway_ext.budget.leases import write_behind
from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.leases.purses import Purse
from gateway_ext.budget.leases.rules import Draw, Lease
from gateway_ext.budget.leases.slices import OwnSlices
from gateway_ext.budget.quotas import QuotaLine
from gateway_ext.budget.rules import AccountLine, Reservation, Settled, Settlement
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.status import read_accounts
from gateway_ext.errors import BudgetExhausted, LedgerUnavailable, RateLimited
from gateway_ext.exchange import Hold, Usage
from gateway_ext.limits import NANO
from gateway_ext.quota import Unit
from tests.unit.budget.leases.draw_contract import DrawContract
from tests.unit.budget.leases.leased import EAGER, LeaseClock, without_leases
from tests.unit.budget.leases.leased_contract import LeasedContract
from tests.unit.budget.ledger_contract import Balances
from tests.unit.budget.reservations import FixedClock, assert_books_balance, hold_states, reservation


@pytest.fixture(autouse=True)
def _tended_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEND_SECONDS", 3_600.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


def read_balances(path: Path) -> dict[str, tuple[int, int]]:
    return {account.key: (account.held_nano, account.posted_nano) for account in read_accounts(path)}


class TestSqliteDraws(DrawContract):
    @pytest.fixture
    async def ledger(self, path: Path) -> AsyncIterator[SqliteLedger]:
        ledger = SqliteLedger(path, FixedClock())
        await ledger.open()
        yield ledger
        await ledger.close()

    @pytest.fixture
    def balances(self, path: Path) -> Balances:
        return lambda: read_balances(path)


class TestLeasedLedger(LeasedContract):
    """After each test all leases are given back, and the books balance."""

    @pytest.fixture
    async def ledger(self, path: Path) -> AsyncIterator[LeasedLedger]:
        ledger = LeasedLedger(SqliteLedger(path, FixedClock()), LeaseClock(), EAGER)
        await ledger.open()
        yield ledger
        await ledger.close()
        assert_books_balance(path)
        assert not [key for key, state in hold_states(path).items() if key.startswith("lease-") and state == "held"]

    @pytest.fixture
    def balances(self, path: Path, ledger: LeasedLedger) -> Balances:
        return lambda: without_leases(read_balances(path), ledger)


# --- what leases promise --------------------------------------------------------------------------------------------


class CountingLedger(SqliteLedger):
    """Counts what is asked of the ledger of record, and can be away."""

    asked = 0
    is_away = False

    async def reserve(self, reservation: Reservation) -> Hold:
        self.asked += 1
        if self.is_away:
            raise LedgerUnavailable
        return await super().reserve(reservation)

    async def draw(self, draws: Sequence[Draw]) -> frozenset[str]:
        if self.is_away:
            raise LedgerUnavailable
        return await super().draw(draws)


LINE = AccountLine("user", "per-user", 64_000)  # slices of up to 1000


@pytest.fixture
def clock() -> LeaseClock:
    return LeaseClock()


@pytest.fixture
async def record(path: Path, clock: LeaseClock) -> CountingLedger:
    return CountingLedger(path, clock)


@pytest.fixture
async def leased(record: CountingLedger, clock: LeaseClock, path: Path) -> AsyncIterator[LeasedLedger]:
    leased = LeasedLedger(record, clock)
    await leased.open()
    yield leased
    await leased.close()
    assert_books_balance(path)


async def reserve_many(leased: LeasedLedger, count: int, name: str = "h") -> None:
    for number in range(count):
        await leased.reserve(reservation(f"{name}{number}", 100, LINE))


async def test_most_requests_need_no_round_trip(record: CountingLedger, leased: LeasedLedger) -> None:
    await reserve_many(leased, 100)
    assert record.asked <= 13  # the first exactly, then slices of 8, 10, 10, …


async def test_the_next_slice_is_asked_for_before_a_request_must_wait_for_it(
    record: CountingLedger, leased: LeasedLedger
) -> None:
    await reserve_many(leased, 8)  # the first one exactly, seven of a slice of eight
    assert record.asked == 2
    await asyncio.sleep(0.05)
    assert record.asked == 3
    await reserve_many(leased, 3, "more")
    assert record.asked == 3


async def test_what_is_granted_is_written_right_behind(path: Path, leased: LeasedLedger) -> None:
    await reserve_many(leased, 3)
    assert set(hold_states(path)) > {"h0"}
    await asyncio.sleep(5 * module.LINGER_SECONDS)
    states = hold_states(path)
    assert {key: state for key, state in states.items() if not key.startswith("lease-")} == dict.fromkeys(
        ("h0", "h1", "h2"), "held"
    )
    assert_books_balance(path)


async def test_a_lease_is_given_back_when_idle(path: Path, clock: LeaseClock, leased: LeasedLedger) -> None:
    await reserve_many(leased, 3)
    clock.now += 3 * NANO
    await leased.tend()
    assert leased.leased_nano() == {"user": 700 - 100}
    clock.now += 1
    await leased.tend()
    assert leased.leased_nano() == {}
    assert read_balances(path) == {"user": (300, 0)}


async def test_a_lease_is_not_used_near_its_end(
    path: Path, clock: LeaseClock, record: CountingLedger, leased: LeasedLedger
) -> None:
    await reserve_many(leased, 2)
    for second in range(15):  # asked for often enough not to be idle
        clock.now += 3 * NANO
        asked = record.asked
        await leased.reserve(reservation(f"x{second}", 10, LINE))
    assert record.asked == asked + 1
    await leased.tend()
    assert len([key for key, state in hold_states(path).items() if key.startswith("lease-") and state == "held"]) <= 1


async def test_an_uncommonly_large_request_leaves_the_lease_to_the_others(
    record: CountingLedger, leased: LeasedLedger
) -> None:
    await reserve_many(leased, 2)
    asked = record.asked
    await leased.reserve(reservation("large", 900, LINE))
    assert record.asked == asked + 1
    await reserve_many(leased, 5, "again")
    assert record.asked == asked + 1


async def test_money_that_is_leased_for_others_is_there_for_a_request_that_is_short_of_it(leased: LeasedLedger) -> None:
    await reserve_many(leased, 2)
    await leased.reserve(reservation("rest", 64_000 - 200, AccountLine("user", "other limits", 64_000, is_hard=True)))
    with pytest.raises(BudgetExhausted):
        await leased.reserve(reservation("one more", 1, LINE))


async def test_quotas_are_the_ledgers(record: CountingLedger, leased: LeasedLedger) -> None:
    quota = QuotaLine("requests/ada", "user-requests", Unit.REQUESTS, 3, 60, 1)
    for number in range(3):
        await leased.reserve(replace(reservation(f"h{number}", 100, LINE), quotas=(quota,)))
    with pytest.raises(RateLimited):
        await leased.reserve(replace(reservation("h3", 100, LINE), quotas=(quota,)))
    assert record.asked == 4


@pytest.mark.parametrize("admits", [False, True])
async def test_while_the_ledger_is_away_policy_says_whether_leases_are_used(
    record: CountingLedger, clock: LeaseClock, path: Path, admits: bool
) -> None:
    leased = LeasedLedger(record, clock, admits_alone=lambda: admits)
    await leased.open()
    await reserve_many(leased, 2)
    record.is_away = True
    with pytest.raises(LedgerUnavailable):
        await leased.tend()
    if admits:
        await reserve_many(leased, 7, "away")
    with pytest.raises(LedgerUnavailable):
        await leased.reserve(reservation("one more", 100, LINE))
    record.is_away = False
    await leased.reserve(reservation("back", 100, LINE))
    await leased.close()
    assert read_balances(path) == {"user": (1_000 if admits else 300, 0)}
    assert_books_balance(path)


async def test_a_lease_whose_grant_was_not_heard_of_is_given_back(
    record: CountingLedger, clock: LeaseClock, path: Path, leased: LeasedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reserve_many(leased, 1)

    async def lost(reservation: Reservation) -> Hold:
        await CountingLedger.reserve(record, reservation)
        raise LedgerUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(record, "reserve", lost)
        with pytest.raises(LedgerUnavailable):
            await leased.reserve(reservation("h1", 100, LINE))
    assert read_balances(path) == {"user": (900, 0)}
    await leased.tend()
    assert read_balances(path) == {"user": (100, 0)}


async def test_what_a_dead_processor_has_leased_counts_as_spent_and_what_it_has_written_is_settled(
    path: Path, clock: LeaseClock
) -> None:
    record, control = SqliteLedger(path, clock), SqliteLedger(path, clock)
    leased = LeasedLedger(record, clock)
    await leased.open()
    await control.open()
    await reserve_many(leased, 3)
    await leased.tend()
    await leased.reserve(reservation("unwritten", 100, LINE))
    for task in leased._tasks:
        task.cancel()
    await record.close()  # dead
    assert await control.post("unwritten", Usage(1, 0), "eu/model", "access_log") is None
    await control.post("h2", Usage(40, 0), "eu/model", "access_log")
    clock.now += 61 * NANO
    (expired,) = await control.expire(clock.now)
    assert (expired.hold_id[:6], expired.cost_nano, expired.flags) == ("lease-", 600, ("recovered", "usage_estimated"))
    assert read_balances(path) == {"user": (200, 640)}
    await control.close()


async def test_an_end_is_settled_elsewhere_although_it_comes_first(path: Path, clock: LeaseClock) -> None:
    here, there = (LeasedLedger(SqliteLedger(path, clock), clock) for _ in range(2))
    await here.open()
    await there.open()
    await reserve_many(here, 2)
    (settled,) = await there.settle_all([Settlement("h1", Usage(40, 0), "eu/model", "access_log")])
    assert settled is not None
    assert settled.cost_nano == 40
    await here.close()
    await there.close()


async def test_a_ledger_that_has_lost_a_lease_is_told_of(
    path: Path, clock: LeaseClock, leased: LeasedLedger, caplog: pytest.LogCaptureFixture
) -> None:
    await reserve_many(leased, 2)
    (lease_id,) = [key for key in hold_states(path) if key.startswith("lease-")]
    other = SqliteLedger(path, clock)
    await other.open()
    await other.void(lease_id, "restored from an older copy")
    await other.close()
    await leased.tend()
    assert "has lost 1" in caplog.text
    assert leased.leased_nano() == {}
    assert read_balances(path) == {"user": (100, 0)}


async def test_a_lease_is_not_given_back_before_the_slices_know_it(path: Path, clock: LeaseClock) -> None:
    """Else they would take it for lost, keep it, and have it posted in the end."""

    class Slices(OwnSlices):
        async def use(self, purse: Purse, lease: Lease) -> None:
            await leased.give_back_all()  # somebody else is short of money at this very moment
            known.add(lease.id)

        async def close(self, leases: Collection[Lease], now_unix_nano: int) -> tuple[list[Lease], list[Lease]]:
            closed.update(lease.id for lease in leases)
            assert closed <= known
            return await super().close(leases, now_unix_nano)

    known, closed = set[str](), set[str]()
    leased = LeasedLedger(SqliteLedger(path, clock), clock, EAGER, slices=Slices())
    await leased.open()
    await reserve_many(leased, 2)
    assert known
    await leased.close()
    assert closed == known
    assert {hold_states(path)[lease] for lease in known} == {"void"}


async def test_a_lease_of_which_nobody_knows_what_was_taken_is_never_given_back(
    path: Path, record: CountingLedger, clock: LeaseClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not either when the ledger does not answer for the others that were closed with it."""

    class Slices(OwnSlices):
        async def close(self, leases: Collection[Lease], now_unix_nano: int) -> tuple[list[Lease], list[Lease]]:
            lost = [lease for lease in leases if "user" in lease.accounts]
            assert not forgotten.intersection(lease.id for lease in lost), "it would be known by now, and closed"
            forgotten.update(lease.id for lease in lost)
            return [lease for lease in leases if lease not in lost], lost

    async def away(settlements: Sequence[Settlement]) -> list[Settled | None]:
        raise LedgerUnavailable

    forgotten = set[str]()
    leased = LeasedLedger(record, clock, EAGER, slices=Slices())
    await leased.open()
    for account in ("user", "team"):
        for number in range(2):
            line = AccountLine(account, "rule", 64_000)
            await leased.reserve(reservation(f"{account}{number}", 100, line))
    with monkeypatch.context() as patch:
        patch.setattr(record, "settle_all", away)
        with pytest.raises(LedgerUnavailable):
            await leased.give_back_all()
    await leased.give_back_all()
    held = {key for key, state in hold_states(path).items() if key.startswith("lease-") and state == "held"}
    assert held == forgotten
    assert len(held) == 1
    await leased.close()


async def test_closing_does_not_hang_on_a_lost_cancellation(
    record: CountingLedger, clock: LeaseClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As wait_for of Python 3.11 loses it, when its answer comes at the same moment."""

    async def answered_at_the_same_moment() -> None:
        tending.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3_600)

    tending = asyncio.Event()
    monkeypatch.setattr(module, "TEND_SECONDS", 0.0)
    leased = LeasedLedger(record, clock)
    monkeypatch.setattr(leased, "tend", answered_at_the_same_moment)
    await leased.open()
    await tending.wait()
    async with asyncio.timeout(5):
        await leased.close()


async def test_too_much_that_is_not_written_refuses(
    record: CountingLedger, clock: LeaseClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    leased = LeasedLedger(record, clock, admits_alone=lambda: True)
    await leased.open()
    await reserve_many(leased, 2)
    monkeypatch.setattr(write_behind, "PENDING_MAX", 4)
    record.is_away = True
    await reserve_many(leased, 3, "away")
    with pytest.raises(LedgerUnavailable):
        await leased.reserve(reservation("one more", 100, LINE))
    record.is_away = False
    await leased.close()
