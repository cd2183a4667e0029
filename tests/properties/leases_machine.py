"""Several processors with leases on one ledger, that settle for each other, stall and die: no limit is ever exceeded, all that
was promised is in the books, and what nobody closes is closed by time.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway_ext.budget.leases import ledger as module
from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.leases.rules import LeaseRules
from gateway_ext.budget.leases.slices import Slices
from gateway_ext.budget.rules import AccountLine, Settlement
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.status import read_accounts
from gateway_ext.errors import BudgetExhausted
from gateway_ext.exchange import Usage
from gateway_ext.limits import NANO
from tests.unit.budget.leases.leased import LeaseClock
from tests.unit.budget.reservations import TTL, assert_books_balance, hold_states, reservation

LIMITS = {"ada": 600, "bob": 900, "team": 1_000}
RULES = LeaseRules(warm_requests=0, first_requests=4, share=2)
PROCESSORS = st.integers(0, 2)


@dataclass
class Promise:
    """A request that was granted: what it may cost, or did."""

    amount_nano: int
    accounts: frozenset[str]
    cost_nano: int | None = None

    @property
    def at_most_nano(self) -> int:
        return self.amount_nano if self.cost_nano is None else self.cost_nano


class Leases(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.patch = mock.patch.multiple(module, LATE_SECONDS=(), LINGER_SECONDS=3_600.0, TEND_SECONDS=3_600.0)
        self.patch.start()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "ledger.sqlite"
        self.runner = asyncio.Runner()
        self.clock = LeaseClock()
        self.control = SqliteLedger(self.path, self.clock)
        self.runner.run(self.control.open())
        self.processors = [self.started() for _ in range(3)]
        self.promises: dict[str, Promise] = {}
        self.has_lost = False

    def started(self) -> tuple[LeasedLedger, SqliteLedger]:
        record = SqliteLedger(self.path, self.clock)
        leased = LeasedLedger(record, self.clock, RULES, slices=self.slices())
        self.runner.run(leased.open())
        return leased, record

    def slices(self) -> Slices | None:
        """Where the processors keep what is left of their leases."""
        return None

    def teardown(self) -> None:
        for leased, _ in self.processors:  # as running ones do by themselves, within LINGER_SECONDS
            self.runner.run(leased.tend())
        for leased, _ in self.processors:
            self.runner.run(leased.close())
        self.clock.now += 2 * TTL
        self.sweep()
        self.runner.run(self.control.close())
        self.runner.close()
        self.patch.stop()
        assert_books_balance(self.path)
        assert "held" not in hold_states(self.path).values()
        for key, _, posted in self.accounts():
            assert posted <= LIMITS[key]
            if self.has_lost:
                assert posted >= self.promised(key)
            else:
                assert posted == self.promised(key)
        self.directory.cleanup()

    def accounts(self) -> list[tuple[str, int, int]]:
        return [(account.key, account.held_nano, account.posted_nano) for account in read_accounts(self.path)]

    def promised(self, account: str) -> int:
        return sum(each.at_most_nano for each in self.promises.values() if account in each.accounts)

    @rule(
        processor=PROCESSORS,
        amounts=st.lists(st.integers(1, 150), min_size=1, max_size=6),
        accounts=st.sets(st.sampled_from(sorted(LIMITS)), min_size=1),
    )
    def reserve(self, processor: int, amounts: list[int], accounts: set[str]) -> None:
        lines = [AccountLine(key, key, LIMITS[key]) for key in sorted(accounts)]

        async def attempt(hold_id: str, amount: int) -> None:
            try:
                await self.processors[processor][0].reserve(
                    reservation(hold_id, amount, *lines, expires_unix_nano=self.clock.now + TTL)
                )
            except BudgetExhausted:
                return
            self.promises[hold_id] = Promise(amount, frozenset(accounts))

        async def together() -> None:
            await asyncio.gather(*(attempt(f"h{self.clock.new_id()}", amount) for amount in amounts))

        self.runner.run(together())

    @rule(processor=PROCESSORS, number=st.integers(0, 50), share=st.integers(0, 10))
    def settle(self, processor: int, number: int, share: int) -> None:
        if not self.promises:
            return
        hold_id = list(self.promises)[number % len(self.promises)]
        promise = self.promises[hold_id]
        cost_nano = promise.amount_nano * share // 10
        settlement = Settlement(hold_id, Usage(cost_nano, 0), "eu/model", "access_log")
        (settled,) = self.runner.run(self.processors[processor][0].settle_all([settlement]))
        if settled is not None and settled.is_first:
            assert promise.cost_nano is None
            promise.cost_nano = cost_nano

    @rule(processor=PROCESSORS)
    def tend(self, processor: int) -> None:
        self.runner.run(self.processors[processor][0].tend())

    @rule(seconds=st.integers(1, 50))
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds * NANO

    @rule()
    def sweep(self) -> None:
        while self.runner.run(self.control.expire(self.clock.now)):
            pass

    @rule(processor=PROCESSORS)
    def crash(self, processor: int) -> None:
        leased, record = self.processors[processor]
        for task in leased._tasks:
            task.cancel()
        self.runner.run(leased._slices.disconnect())
        self.runner.run(record.close())
        self.processors[processor] = self.started()
        self.has_lost = True

    @invariant()
    def no_limit_is_exceeded_and_every_promise_is_covered(self) -> None:
        for key, held, posted in self.accounts():
            assert self.promised(key) <= held + posted <= LIMITS[key]
