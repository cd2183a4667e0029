"""The request path as it is, over stores in memory and a Guard that finds what it is told to; and Envoy walking the list."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gateway_ext.audit.records import AuditRecord, DecisionRecord
from gateway_ext.budget.rules import Reservation, Settled
from gateway_ext.clock import SystemClock
from gateway_ext.consent.rules import ConsentRules
from gateway_ext.dialects.strict_json import parse_object
from gateway_ext.errors import BudgetExhausted, Stopped
from gateway_ext.exchange import Answer, Finding, Hold, Interface, Principal, RequestHead, Text, VerifiedClaims
from gateway_ext.guard.rules import Action, GuardRules
from gateway_ext.identity.rules import IssuerRule
from gateway_ext.pipeline import Pipeline
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.response.forwarded import Forwarded
from gateway_ext.routing.measured import Measured
from gateway_ext.standing.standing import Standing
from gateway_ext.steps.classifying import Classifying
from gateway_ext.steps.shadow_leave import Leave
from gateway_ext.verdict import Allow, Deny, Edit, Redact, Verdict
from tests.properties.sovereignty_oracle import Asked
from tests.properties.sovereignty_policies import DETECTORS

_KEY = b"key-of-the-tests-only"


@dataclass(slots=True)
class Sent:
    """What became of a request: nothing (`refusal`), or the clusters in the order in which Envoy tries them.

    `model`, and why it is that one, as the audit trail says.
    """

    refusal: str = ""
    clusters: tuple[str, ...] = ()
    model: str = ""
    is_degraded: bool = False
    is_larger: bool = False


class World:
    """`asked` says what happens to the request under way, `stopped` which providers operators have stopped by now."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.asked = Asked("", "", "")
        self.stopped: frozenset[str] = frozenset()
        self.records: list[AuditRecord] = []
        self.pipeline = Pipeline(
            _Fixed(snapshot),
            _Ledger(self),  # type: ignore[arg-type]  # only what a request asks of one
            _Guard(self),  # type: ignore[arg-type]  # answers are not read
            self,
            SystemClock(),
            _Orders(self),
            _Anything(),
            Classifying(_Conversations(self), _KEY),
            Measured(SystemClock().monotonic_ns),
            issuer_keys=_Anything(),
            shadow_key=_KEY,
        )

    def append(self, record: AuditRecord) -> None:
        self.records.append(record)

    async def durable(self) -> None:
        pass

    async def send(self, asked: Asked, body: bytes, conversation: str) -> Forwarded | Sent:
        """By the caller of `asked`, in the conversation of that name."""
        self.asked, self.stopped = asked, asked.stopped_before
        self.records.clear()
        headers = {"x-chat": (conversation,), "x-class": (",".join(sorted(asked.labels)),)}
        subject = "page" if asked.are_labels_trusted else f"somebody-of-{asked.team}"
        head = RequestHead(
            interface=Interface.PUBLIC,
            method="POST",
            path=asked.endpoint,
            content_type="application/json",
            content_encoding="",
            source_address="",
            claims={"company": VerifiedClaims({"sub": subject, "team": asked.team})},
            user_headers=headers,
        )
        decided: Forwarded | Answer
        admitted = self.pipeline.admit(head)
        decided = admitted if isinstance(admitted, Answer) else await self.pipeline.decide(admitted, body)
        if isinstance(decided, Forwarded):
            return decided
        (record,) = self.records
        assert isinstance(record, DecisionRecord)
        return Sent(record.reason)

    def walked(self, decided: Forwarded, body: bytes, stopped_later: frozenset[str]) -> Sent:
        """Envoy tries them all, one after the other, because each fails. What is stopped by then is not reached."""
        self.stopped = stopped_later
        forward = decided.forward
        plan = {**forward.plan, "models": {each.cluster: each.model for each in forward.candidates}}
        sent = body if forward.body is None else forward.body
        for position, each in enumerate(forward.candidates):
            if position or forward.retargets_first:
                try:
                    attempt = self.pipeline.retarget(plan, each.cluster, sent)
                except Stopped:
                    assert each.provider in stopped_later
                    continue
                assert each.provider not in stopped_later, f"{each.cluster} was stopped and yet tried"
            else:
                attempt = sent
            assert parse_object(attempt)["model"] == each.model, f"{each.cluster} was asked for another model"
        rules = decided.decision.rules
        return Sent(
            clusters=tuple(each.cluster for each in forward.candidates),
            model=decided.decision.model,
            is_degraded=any(rule.startswith("degraded_from:") for rule in rules),
            is_larger=any(rule.startswith("context:larger:") for rule in rules),
        )

    async def copied(self, decided: Forwarded, body: bytes) -> str:
        """Where a copy of the request ends up, by the leave that it goes out with; "" for none."""
        if not decided.forward.shadow:
            return ""
        leave = self.pipeline.shadowing.admit(decided.forward.shadow)
        assert isinstance(leave, Leave)
        sent = body if decided.forward.body is None else decided.forward.body
        copy = await self.pipeline.shadowing.decide(leave, sent)
        if isinstance(copy, Answer):
            return ""
        (only,) = copy.candidates
        assert copy.body is not None
        assert parse_object(copy.body)["model"] == only.model
        return only.cluster

    def is_reached(self, decided: Forwarded, cluster: str) -> bool:
        """Whether an attempt at a deployment goes out that the verdict does not name."""
        forward = decided.forward
        plan = {**forward.plan, "models": {each.cluster: each.model for each in forward.candidates}}
        try:
            self.pipeline.retarget(plan, cluster, forward.body or b'{"model": "any"}')
        except (KeyError, Stopped):
            return False
        return True


@dataclass(slots=True)
class _Fixed:
    snapshot: Snapshot

    def current(self) -> Snapshot:
        return self.snapshot


@dataclass(slots=True)
class _Orders:
    world: World

    def current(self) -> Standing:
        return Standing(stops={("provider", each): "" for each in self.world.stopped})

    def changed(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()


@dataclass(slots=True)
class _Ledger:
    world: World

    async def reserve(self, reservation: Reservation) -> Hold:
        if reservation.model in self.world.asked.has_no_money:
            refusal = BudgetExhausted()
            refusal.room_nano = 0
            raise refusal
        return Hold(reservation.id, reservation.amount_nano, reservation.currency)

    async def void(self, hold_id: str, settled_by: str, flags: tuple[str, ...] = ()) -> Settled | None:
        return None


@dataclass(slots=True)
class _Guard:
    """Finds what is asked for, does with it what policy says; meanwhile an operator stops a provider."""

    world: World

    async def inspect(self, texts: Sequence[Text], rules: GuardRules) -> Verdict:
        asked = self.world.asked
        self.world.stopped = asked.stopped_before | asked.stopped_meanwhile
        found = []
        for detector in asked.findings:
            rule = rules.rule(detector, DETECTORS[detector], texts[0].role)
            found.append(
                Finding(
                    detector=detector,
                    detector_version="",
                    data_class=DETECTORS[detector],
                    text_index=0,
                    place="",
                    start=0,
                    end=1,
                    confidence=1.0,
                    action=rule.action.value,
                    sovereign=rule.sovereign,
                    fingerprint="",
                    role=texts[0].role,
                )
            )
        findings, actions = tuple(found), {each.action for each in found}
        if Action.BLOCK in actions:
            return Deny(findings, "blocked")
        if Action.REDACT in actions:
            return Redact(findings, (Edit(0, 0, 1, "[X]"),))
        return Allow(findings)


@dataclass(slots=True)
class _Conversations:
    world: World
    kept: dict[bytes, frozenset[str]] = field(default_factory=dict)

    def held(self, keys: Sequence[bytes]) -> Mapping[bytes, frozenset[str]] | None:
        if self.world.asked.held is None:
            return None
        return {key: self.kept[key] for key in keys if key in self.kept}

    async def remember(self, keys: Sequence[bytes], classes: Collection[str], now_unix_nano: int) -> None:
        for key in keys:
            self.kept[key] = self.kept.get(key, frozenset()) | frozenset(classes)


class _Anything:
    """Every agreement is accepted, every issuer's keys are fresh."""

    def require(self, principal: Principal, rules: ConsentRules) -> None:
        pass

    def require_fresh(self, issuer: IssuerRule) -> None:
        pass
