"""Whatever is asked of the ledger in whatever order, its books equal those of a model that only remembers what was said.

The model keeps, for each hold, the list of all statements about its end, and works the books out from scratch.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway_ext.budget.rules import AccountLine, Reservation, Settled
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.status import read_accounts
from gateway_ext.errors import BudgetExhausted
from gateway_ext.exchange import Hold, Usage
from tests.unit.budget.reservations import NOW, TTL, FixedClock, assert_books_balance, reservation

IDS = st.sampled_from([f"h{number}" for number in range(12)])
ACCOUNTS = st.sets(st.sampled_from(["ada", "bob", "team"]), min_size=1)
COUNTS = st.integers(0, 150)
USAGES = st.none() | st.builds(Usage, COUNTS, COUNTS, is_estimated=st.booleans())


@dataclass
class ModelHold:
    amount_nano: int
    accounts: frozenset[str]
    expires_unix_nano: int
    statements: list[tuple[int, int]] = field(default_factory=list)  # strength, cost

    @property
    def is_open(self) -> bool:
        return not self.statements

    @property
    def cost_nano(self) -> int:
        """That of the strongest statement; among equals the first (max keeps the first it meets)."""
        return max(self.statements, key=lambda statement: statement[0], default=(0, 0))[1]


class LedgerAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "ledger.sqlite"
        self.runner = asyncio.Runner()
        self.ledger = SqliteLedger(self.path, FixedClock())
        self.runner.run(self.ledger.open())
        self.model: dict[str, ModelHold] = {}

    def teardown(self) -> None:
        self.runner.run(self.ledger.close())
        self.runner.close()
        assert_books_balance(self.path)
        self.directory.cleanup()

    def held(self, account: str) -> int:
        return sum(hold.amount_nano for hold in self.model.values() if account in hold.accounts and hold.is_open)

    def posted(self, account: str) -> int:
        return sum(hold.cost_nano for hold in self.model.values() if account in hold.accounts)

    @rule(
        hold_id=IDS,
        amount=st.integers(0, 400),
        accounts=ACCOUNTS,
        limit=st.sampled_from([0, 300, 1_000]),
        late=st.booleans(),
    )
    def reserve(self, hold_id: str, amount: int, accounts: set[str], limit: int, late: bool) -> None:
        asked = reservation(
            hold_id,
            amount,
            *(AccountLine(account, account, limit) for account in sorted(accounts)),
            expires_unix_nano=NOW + TTL + late,
        )
        known = self.model.get(hold_id)
        if known is not None:
            assert self.try_reserve(asked) == Hold(hold_id, known.amount_nano, "EUR")
        elif all(self.held(account) + self.posted(account) + amount <= limit for account in accounts):
            assert self.try_reserve(asked) == Hold(hold_id, amount, "EUR")
            self.model[hold_id] = ModelHold(amount, frozenset(accounts), asked.expires_unix_nano)
        else:
            assert self.try_reserve(asked) is None

    @rule(hold_id=IDS, usage=USAGES)
    def post(self, hold_id: str, usage: Usage | None) -> None:
        settled = self.runner.run(self.ledger.post(hold_id, usage, "eu/model", "test"))
        known = self.model.get(hold_id)
        if usage is None:
            self.check(hold_id, settled, 2, 0 if known is None else known.amount_nano)
        else:
            self.check(hold_id, settled, 3 if usage.is_estimated else 4, usage.input_tokens + usage.output_tokens)

    @rule(hold_id=IDS)
    def void(self, hold_id: str) -> None:
        self.check(hold_id, self.runner.run(self.ledger.void(hold_id, "test")), 2, 0)

    @rule(late=st.booleans(), limit=st.integers(1, 3))
    def expire(self, late: bool, limit: int) -> None:
        now = NOW + TTL + late
        due = [hold_id for hold_id, hold in self.model.items() if hold.is_open and hold.expires_unix_nano <= now]
        settled = self.runner.run(self.ledger.expire(now, limit))
        assert len(settled) == min(limit, len(due))
        for one in settled:
            assert one.hold_id in due
            self.check(one.hold_id, one, 1, self.model[one.hold_id].amount_nano)

    @precondition(lambda self: self.model)
    @rule()
    def restart(self) -> None:
        self.runner.run(self.ledger.close())
        self.ledger = SqliteLedger(self.path, FixedClock())
        self.runner.run(self.ledger.open())

    @invariant()
    def books_equal_the_model(self) -> None:
        for account in read_accounts(self.path):
            assert (account.held_nano, account.posted_nano) == (self.held(account.key), self.posted(account.key))

    def check(self, hold_id: str, settled: Settled | None, strength: int, cost_nano: int) -> None:
        known = self.model.get(hold_id)
        if known is None:
            assert settled is None
            return
        strongest = max((statement[0] for statement in known.statements), default=0)
        known.statements.append((strength, cost_nano))
        assert settled is not None
        assert settled.cost_nano == known.cost_nano
        assert settled.is_first == (strength > strongest)
        if settled.is_first:
            assert ("corrected" in settled.flags) == (strongest > 0)

    def try_reserve(self, asked: Reservation) -> Hold | None:
        try:
            return self.runner.run(self.ledger.reserve(asked))
        except BudgetExhausted:
            return None


TestLedgerAgainstModel = LedgerAgainstModel.TestCase
TestLedgerAgainstModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
