"""A decision without a request: the real pipeline over a ledger that only reads and an audit log that only listens."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway_ext.audit.records import AuditRecord, DecisionRecord
from gateway_ext.budget.reserve import exhausted
from gateway_ext.budget.rules import Reservation, Settled, Settlement, TopUp
from gateway_ext.clock import SystemClock
from gateway_ext.consent.rules import ConsentRules
from gateway_ext.exchange import (
    Answer,
    ClientCertificate,
    Endpoint,
    Hold,
    Interface,
    Principal,
    RequestHead,
    Usage,
    VerifiedClaims,
)
from gateway_ext.identity.binding import named_certificate
from gateway_ext.identity.rules import IssuerRule
from gateway_ext.pipeline import Pipeline
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.ports import Guard
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.routing.measured import Measured
from gateway_ext.standing.standing import Standing
from gateway_ext.steps.classifying import Classifying

_NO_HEADERS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_NOTHING_ORDERED = Standing()


@dataclass(frozen=True, slots=True)
class Explanation:
    """`record` is what the audit trail would say; `reservation` is None when the request did not get that far."""

    record: DecisionRecord
    reservation: Reservation | None
    answer: Answer | None  # of a refusal
    body: bytes | None  # as it would be forwarded, when that is not what came in


async def explain(
    snapshot: Snapshot,
    guard: Guard,
    *,
    claims: Mapping[str, VerifiedClaims],
    interface: Interface,
    endpoint: Endpoint,
    body: bytes,
    used_nano: Mapping[str, int],
    user_headers: Mapping[str, tuple[str, ...]] = _NO_HEADERS,
    standing: Standing = _NOTHING_ORDERED,
    agent_run: str | None = None,
) -> Explanation:
    """What would be decided about `body` with this Guard. `used_nano` is what is posted and held by account key.

    `user_headers`: in which a front end says for whom it asks. `agent_run`: the header that names a run. `standing`: what
    operators are taken to have ordered.
    A token that is bound to a client certificate is taken to come with it.
    """
    ledger, audit = _ReadingLedger(used_nano), _Listener()
    pipeline = Pipeline(
        _Fixed(snapshot),
        ledger,
        guard,
        audit,
        SystemClock(),
        _Ordered(standing),
        _AllAccepted(),
        Classifying(_NothingHeld(), b""),
        Measured(SystemClock().monotonic_ns),
        issuer_keys=_Renewed(),
    )
    head = RequestHead(
        interface=interface,
        method="GET" if endpoint is Endpoint.MODELS else "POST",
        path=endpoint,
        content_type="application/json",
        content_encoding="",
        source_address="",
        claims=claims,
        certificate=next(map(named_certificate, claims.values()), ClientCertificate()),
        user_headers=user_headers,
        agent_run=agent_run,
    )
    decided: Forwarded | Answer
    admitted = pipeline.admit(head)
    decided = admitted if isinstance(admitted, Answer) else await pipeline.decide(admitted, body)
    await pipeline.background.drain(timeout_seconds=1)
    pipeline.close()
    (record,) = audit.records
    assert isinstance(record, DecisionRecord)
    if isinstance(decided, Answer):
        return Explanation(record, ledger.reservation, decided, None)
    return Explanation(record, ledger.reservation, None, decided.forward.body)


@dataclass(frozen=True, slots=True)
class _Fixed:
    snapshot: Snapshot

    def current(self) -> Snapshot:
        return self.snapshot


@dataclass(frozen=True, slots=True)
class _Ordered:
    standing: Standing

    def current(self) -> Standing:
        return self.standing

    def changed(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()


class _NothingHeld:
    """Every conversation is a new one."""

    def held(self, keys: Sequence[bytes]) -> Mapping[bytes, frozenset[str]]:
        return {}

    async def remember(self, keys: Sequence[bytes], classes: Collection[str], now_unix_nano: int) -> None:
        """Nothing is kept: what is explained is not sent."""


class _AllAccepted:
    """What policy says is explained, whatever the caller has yet to accept."""

    def require(self, principal: Principal, rules: ConsentRules) -> None:
        pass


class _Renewed:
    """Nor does it matter whether an identity provider can be reached just now."""

    def require_fresh(self, issuer: IssuerRule) -> None:
        pass


@dataclass(slots=True)
class _Listener:
    records: list[AuditRecord] = field(default_factory=list)

    def append(self, record: AuditRecord) -> None:
        self.records.append(record)

    async def durable(self) -> None:
        """Nothing is kept."""


class _ReadingLedger:
    """Answers from balances read beforehand; remembers what it was asked and spends nothing."""

    def __init__(self, used_nano: Mapping[str, int]) -> None:
        self._used_nano = used_nano
        self.reservation: Reservation | None = None

    async def reserve(self, reservation: Reservation) -> Hold:
        self.reservation = reservation
        left_nano = {
            line: line.limit_nano - sum(self._used_nano.get(key, 0) for key in (line.key, *line.others))
            for line in reservation.lines
            if line.is_hard
        }
        for line, nano in left_nano.items():
            if nano < reservation.amount_nano:
                raise exhausted(line, min((left, each.rule) for each, left in left_nano.items()))
        return Hold(reservation.id, reservation.amount_nano, reservation.currency)

    async def post(
        self, hold_id: str, usage: Usage | None, cluster: str, settled_by: str, flags: tuple[str, ...] = ()
    ) -> Settled | None:
        return None

    async def void(self, hold_id: str, settled_by: str, flags: tuple[str, ...] = ()) -> Settled | None:
        return None

    async def settle_all(self, settlements: Sequence[Settlement]) -> list[Settled | None]:
        return [None for _ in settlements]

    async def top_up(self, top_up: TopUp) -> None:
        return None

    async def end_top_up(self, top_up_id: str, now_unix_nano: int) -> bool:
        return False

    async def expire(self, now_unix_nano: int, limit: int = 500) -> list[Settled]:
        return []

    async def prune(self, now_unix_nano: int) -> int:
        return 0

    async def close(self) -> None:
        return None
