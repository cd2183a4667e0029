"""A naive ledger: it remembers all that was said and adds it up anew for every question. Shares no code with the real ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway_ext.budget.rules import AccountLine, Reservation, Settlement, TopUp
from tests.simulator.quota_model import QuotaModel

PRESUMED, STATED, ESTIMATED, REPORTED = 1, 2, 3, 4


@dataclass
class ModelHold:
    """`statements` are (strength, cost) in the order in which they were heard."""

    asked: Reservation
    statements: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return not self.statements

    @property
    def strength(self) -> int:
        return max((strength for strength, _ in self.statements), default=0)

    @property
    def cost_nano(self) -> int:
        """That of the strongest statement, of equals the first (max keeps the first it meets)."""
        return max(self.statements, key=lambda statement: statement[0], default=(0, 0))[1]

    @property
    def counts_nano(self) -> int:
        return self.asked.amount_nano if self.is_open else self.cost_nano


@dataclass
class ModelAccount:
    limit_nano: int
    carried_nano: int = 0
    handed_over_nano: int = 0


class Model:
    def __init__(self) -> None:
        self.holds: dict[str, ModelHold] = {}
        self.accounts: dict[str, ModelAccount] = {}
        self.top_ups: dict[str, TopUp] = {}
        self.quotas = QuotaModel()

    def on(self, keys: Iterable[str]) -> list[ModelHold]:
        """The holds on any of these accounts."""
        wanted = set(keys)
        return [hold for hold in self.holds.values() if any(line.key in wanted for line in hold.asked.lines)]

    def without_room(self, asked: Reservation) -> list[AccountLine]:
        """The lines on which the amount does not fit now."""
        return [line for line in asked.lines if self.room_nano(line, asked.created_unix_nano) < asked.amount_nano]

    def room_nano(self, line: AccountLine, now_unix_nano: int) -> int:
        account = self.accounts.get(line.key) or self._opened(line)
        used_nano = sum(hold.counts_nano for hold in self.on([line.key, *line.others])) + account.handed_over_nano
        return line.limit_nano + account.carried_nano + self.topped_up_nano(line.budget, now_unix_nano) - used_nano

    def topped_up_nano(self, budget: str, now_unix_nano: int) -> int:
        return sum(
            each.amount_nano
            for each in self.top_ups.values()
            if each.budget == budget and each.begins_unix_nano <= now_unix_nano < each.ends_unix_nano
        )

    def grant(self, asked: Reservation) -> None:
        for line in asked.lines:
            if line.key not in self.accounts:
                self.accounts[line.key] = opened = self._opened(line)
                if line.before in self.accounts and line.carries_max_nano:
                    self.accounts[line.before].handed_over_nano = opened.carried_nano
            self.accounts[line.key].limit_nano = line.limit_nano
        self.holds[asked.id] = ModelHold(asked)
        self.quotas.grant(asked)

    def _opened(self, line: AccountLine) -> ModelAccount:
        before = self.accounts.get(line.before)
        if before is None or not line.carries_max_nano:
            return ModelAccount(line.limit_nano)
        used_nano = sum(hold.counts_nano for hold in self.on([line.before]))
        left_nano = before.limit_nano + before.carried_nano - used_nano
        return ModelAccount(line.limit_nano, max(0, min(left_nano, line.carries_max_nano)))

    def hear(self, said: Settlement, now_unix_nano: int) -> None:
        """What a settlement says. Prices are the reservation's: whole nano-units a token, cached ones free."""
        hold = self.holds[said.hold_id]
        was_open = hold.is_open
        if not said.cluster:
            hold.statements.append((STATED, 0))
        elif said.usage is None:
            hold.statements.append((STATED, hold.asked.amount_nano))
        else:
            rates = {cluster: price.input_rate // 1_000_000 for cluster, price in hold.asked.prices.items()}
            tokens = said.usage.input_tokens - said.usage.cached_input_tokens + said.usage.output_tokens
            cost_nano = tokens * rates.get(said.cluster, max(rates.values()))
            hold.statements.append((ESTIMATED if said.usage.is_estimated else REPORTED, cost_nano))
        if was_open:
            self.quotas.end(said.hold_id, said.usage, hold.cost_nano, now_unix_nano, was_answered=bool(said.cluster))

    def expire(self, hold_id: str, now_unix_nano: int) -> None:
        hold = self.holds[hold_id]
        hold.statements.append((PRESUMED, hold.asked.amount_nano))
        self.quotas.end(hold_id, None, hold.cost_nano, now_unix_nano, was_answered=True)

    def due(self, now_unix_nano: int) -> list[ModelHold]:
        return [hold for hold in self.holds.values() if hold.is_open and hold.asked.expires_unix_nano <= now_unix_nano]
