"""What the pipeline needs from the world. Adapters implement these; `bootstrap` chooses them; tests run contracts."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from gateway_ext.audit.records import AuditRecord
from gateway_ext.budget.quotas import State
from gateway_ext.budget.rules import Reservation, Settled, Settlement, TopUp
from gateway_ext.budget.spending import Look, Spent
from gateway_ext.consent.rules import ConsentRules
from gateway_ext.exchange import Hold, Outcome, Principal, Text, Usage
from gateway_ext.guard.cache import Match
from gateway_ext.guard.detector import Kind
from gateway_ext.guard.rules import GuardRules
from gateway_ext.identity.rules import IssuerRule
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing.measured import Reading
from gateway_ext.standing.standing import Standing
from gateway_ext.verdict import Verdict


class Clock(Protocol):
    def now_unix_nano(self) -> int: ...
    def monotonic_ns(self) -> int: ...
    def new_id(self) -> str: ...


class PolicySource(Protocol):
    def current(self) -> Snapshot:
        """The last good snapshot. Cheap: called once per exchange."""
        ...


class StandingSource(Protocol):
    """What operators have revoked, disabled and stopped. Asked several times an exchange: orders count at once."""

    def current(self) -> Standing:
        """What is in force. Raises StandingUnavailable when that is not known for certain."""
        ...

    def changed(self) -> asyncio.Future[None]:
        """Done as soon as something else is in force. Take it before asking `current`: no change is missed then."""
        ...


class ConsentSource(Protocol):
    """Who has accepted what policy asks for. Asked twice an exchange: what is withdrawn counts at once."""

    def require(self, principal: Principal, rules: ConsentRules) -> None:
        """Raises AgreementMissing, and ConsentUnavailable when it is not known for certain who has accepted what."""
        ...


class Conversations(Protocol):
    """What conversations have held, by keys that conversations/identify.py makes."""

    def held(self, keys: Sequence[bytes]) -> Mapping[bytes, frozenset[str]] | None:
        """The classes held under each of `keys` that is known; of one may be known that it held none. None: nobody can tell."""
        ...

    async def remember(self, keys: Sequence[bytes], classes: Collection[str], now_unix_nano: int) -> None:
        """Have `classes` (none: that it is known) be held under `keys` from now on; they add to what is held already.

        Raises ConversationsUnavailable when that may not be so.
        """
        ...


class Readings(Protocol):
    """What is known of how deployments fare. Nothing decides by it but the order in which they are tried."""

    def observe(self, outcome: Outcome) -> None:
        """Learn from an exchange that has ended."""
        ...

    def of(self, cluster: str) -> Reading: ...
    def whatever_its_health(self, cluster: str) -> Reading:
        """As `of`, for a policy that does not avoid what fails."""
        ...


class Ledger(Protocol):
    """Two-phase money: reserve → post | void | expire. Every call is idempotent by the hold's id.

    All calls raise LedgerUnavailable when the store cannot answer; none of them then has taken partial effect.
    """

    async def reserve(self, reservation: Reservation) -> Hold:
        """Hold the amount on all lines, and take of all quotas, or of none. Raises BudgetExhausted naming the first hard rule
        without room; when all have room, RateLimited for a quota without.

        It says how much room there was, where that costs nothing more to find out.
        Soft rules without room are named in the hold's `over`.
        """
        ...

    async def post(
        self, hold_id: str, usage: Usage | None, cluster: str, settled_by: str, flags: tuple[str, ...] = ()
    ) -> Settled | None:
        """Replace the hold by the actual cost at the price pinned for `cluster`. None when there is no such hold.

        `usage=None` means that nobody knows: the hold's whole amount is posted, flagged `usage_estimated`.
        A cost above the held amount is posted in full and flagged `over_hold`: money spent is never unrecorded.
        """
        ...

    async def void(self, hold_id: str, settled_by: str, flags: tuple[str, ...] = ()) -> Settled | None:
        """Release the hold: nothing was spent. None when there is no such hold."""
        ...

    async def settle_all(self, settlements: Sequence[Settlement]) -> list[Settled | None]:
        """Post or void each, in order, at less cost than one by one. What is done stays done if a later one fails."""
        ...

    async def top_up(self, top_up: TopUp) -> None:
        """Add money to a budget for a while. Idempotent by the top-up's id."""
        ...

    async def end_top_up(self, top_up_id: str, now_unix_nano: int) -> bool:
        """Have it end now; what was spent or held of it stays so. False when there is none that would end later."""
        ...

    async def expire(self, now_unix_nano: int, limit: int = 500) -> list[Settled]:
        """Settle holds past their time to live by their worst case, flagged `recovered` and `usage_estimated`."""
        ...

    async def prune(self, now_unix_nano: int) -> int:
        """Forget quotas that have been full for a day, by which nothing changes; how many."""
        ...

    async def close(self) -> None: ...


class Spending(Protocol):
    """A ledger read for those who watch it. Raises LedgerUnavailable when it cannot be read."""

    async def spent(self, look: Look, posted_nano_min: int) -> list[Spent]:
        """The accounts of a look for which at least so much has been posted, in any order."""
        ...

    async def top_ups(self, ends_after_unix_nano: int) -> list[TopUp]:
        """Those that end after this moment, by their end; also those that have not begun."""
        ...

    async def quotas(self) -> dict[str, State]:
        """The quotas that somebody has used, by key, as they were when each was last touched."""
        ...

    async def has_account(self, rule: str, budget: str) -> bool:
        """Whether anything was ever asked of `budget` (AccountKey.budget, with or without the model) of this rule."""
        ...

    async def close(self) -> None: ...


class IssuerKeys(Protocol):
    """How old the keys of issuers are that Envoy verifies tokens with."""

    def require_fresh(self, issuer: IssuerRule) -> None:
        """Raises IdentityProviderUnavailable when they are older than policy allows."""
        ...


class Guard(Protocol):
    async def inspect(self, texts: Sequence[Text], rules: GuardRules) -> Verdict:
        """Judge all texts of a request. Raises GuardTimedOut past the rules' deadline when they deny on timeout."""
        ...

    def kinds(self, rules: GuardRules) -> Iterable[Kind]:
        """All kinds of values that may be found under `rules`."""
        ...

    def matches(self, text: str, rules: GuardRules) -> Sequence[Match]:
        """What is found in a part of an answer, whatever policy makes of it. Raises TooManyCandidates, InternalFailure."""
        ...

    def leaks(self, text: str, canaries: Collection[str]) -> Sequence[Match]:
        """Where any of `canaries` stands in a part of an answer, in disguise, too."""
        ...


class Beside(Protocol):
    """A classifier that runs beside the request path: what it finds comes later, and decides nothing."""

    def submit(self, exchange_id: str, texts: Sequence[str]) -> bool:
        """Have the texts of an exchange scored; False when there is no room. Never waits."""
        ...


class AuditLog(Protocol):
    def append(self, record: AuditRecord) -> None:
        """Write the record so that it survives this process. Raises AuditUnavailable when that cannot be done."""
        ...

    async def durable(self) -> None:
        """Where power cuts are to take nothing: wait until what was appended before is safe. Raises AuditUnavailable."""
        ...
