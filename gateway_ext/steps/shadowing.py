"""A copy of a request, come back by Envoy's own listener: forwarded to the one deployment its leave names, or to nobody.

The other place that makes a `Forward`, beside step 5 of pipeline.py: only with a leave that step 5 has sealed for these bytes,
which the Guard has read, and under the same policy. It has money, records and an outcome of its own; nobody gets its answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from gateway_ext import limits, replies
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.budget import reserve
from gateway_ext.errors import InternalFailure, Interrupted, Refusal, ShadowUnproven
from gateway_ext.exchange import (
    Answer,
    Candidate,
    CredentialClass,
    Endpoint,
    Estimate,
    Forward,
    Hold,
    Principal,
)
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.ports import AuditLog, Clock, Ledger, PolicySource, StandingSource
from gateway_ext.steps import forwarding
from gateway_ext.steps.shadow_leave import Leave, body_sha256, opened

SHADOW = "shadow"  # its interface, and the flag of its outcome

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Note:
    """What is known of a copy until it is forwarded or refused."""

    exchange_id: str
    snapshot: Snapshot
    started_ns: int
    step: str = "authenticate"
    leave: Leave | None = None
    candidates: tuple[Candidate, ...] = ()
    hold: Hold | None = None
    rules: tuple[str, ...] = ()
    request_bytes: int = 0

    def record(self, name: EventName, action: str, now_ns: int, refusal: Refusal | None = None) -> DecisionRecord:
        leave, hold = self.leave, self.hold
        return DecisionRecord(
            name=name,
            exchange_id=self.exchange_id,
            action=action,
            policy_digest=self.snapshot.digest,
            interface=SHADOW,
            source_address="",
            http_status=refusal.http_status if refusal else 0,
            reason=refusal.code if refusal else "",
            refused_at=self.step if refusal else "",
            principal=_principal(leave) if leave else None,
            endpoint=leave.endpoint if leave else "",
            model=leave.asked if leave else "",
            is_stream=leave is not None and leave.is_stream,
            candidates=self.candidates,
            hold_id=hold.id if hold else "",
            held_nano=hold.amount_nano if hold else 0,
            currency=hold.currency if hold else "",
            request_bytes=self.request_bytes,
            duration_ns=now_ns - self.started_ns,
            rules=self.rules + (refusal.rules if refusal else ()),
            estimate=_estimate(leave) if leave else None,
            shadow_of=leave.shadow_of if leave else "",
        )


class Shadowing:
    """Decides about copies. `release` voids a hold, supervised. `key` None: there are no copies, so none is believed."""

    def __init__(
        self,
        policy: PolicySource,
        ledger: Ledger,
        audit: AuditLog,
        standing: StandingSource,
        clock: Clock,
        release: Callable[[str, str], None],
        key: bytes | None,
    ) -> None:
        self._policy = policy
        self._ledger = ledger
        self._audit = audit
        self._standing = standing
        self._clock = clock
        self._release = release
        self._key = key

    def admit(self, written: str) -> Leave | Answer:
        """The leave in the header that came with a copy, before a byte of its body is buffered."""
        note = _Note(self._clock.new_id(), self._policy.current(), self._clock.monotonic_ns())
        try:
            if self._key is None:
                raise ShadowUnproven
            leave = opened(written, self._key, self._clock.now_unix_nano() // limits.NANO)
            if leave.policy_digest != note.snapshot.digest:  # may be, for a moment, when policy changes
                raise ShadowUnproven
        except Exception as error:  # noqa: BLE001  (whatever it is, it must end in a refusal)
            return self._refuse(note, error)
        return leave

    async def decide(self, leave: Leave, body: bytes) -> Forward | Answer:
        """Judge the copy. Raises only CancelledError; then nothing may be forwarded."""
        snapshot = self._policy.current()
        note = _Note(leave.id, snapshot, self._clock.monotonic_ns(), leave=leave, request_bytes=len(body))
        try:
            if leave.policy_digest != snapshot.digest or leave.body_sha256 != body_sha256(body):
                raise ShadowUnproven
            (candidate,) = note.candidates = tuple(
                each for each in snapshot.routing.models[leave.model].deployments if each.cluster == leave.cluster
            )
            self._require_running(leave, candidate)

            note.step = "budget"
            note.hold = await self._reserve(note, leave, candidate, snapshot)

            note.step = "forward"
            self._require_running(leave, candidate)  # again, because the ledger may have taken its time
            forward = _forward(leave, candidate, note.hold, body, snapshot)
            self._audit.append(note.record(EventName.SHADOW_FORWARDED, "forward", self._clock.monotonic_ns()))
            await self._audit.durable()
        except asyncio.CancelledError:
            self._release(leave.id, "cancelled")  # by id: the store may be reserving at this very moment
            self._refuse(note, Interrupted())
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, it must end in a refusal)
            if note.hold is not None:
                self._release(note.hold.id, "refused")
            return self._refuse(note, error)
        else:
            return forward

    def _require_running(self, leave: Leave, candidate: Candidate) -> None:
        """Raises Stopped, StandingUnavailable."""
        standing = self._standing.current()
        standing.require_caller(_principal(leave))
        for model in (leave.asked, leave.model):
            standing.running(model, (candidate,))

    async def _reserve(self, note: _Note, leave: Leave, candidate: Candidate, snapshot: Snapshot) -> Hold:
        """Raises BudgetExhausted, RateLimited, BudgetMissing: a copy waits for nothing, and is not made smaller."""
        reservation = reserve.reservation(
            leave.id,
            _principal(leave),
            leave.asked,
            _estimate(leave),
            (candidate,),
            snapshot.budget,
            self._clock.now_unix_nano(),
        )
        note.rules += tuple(f"budget:{line.rule}" for line in reservation.lines)
        note.rules += tuple(f"quota:{line.rule}" for line in reservation.quotas)
        return await self._ledger.reserve(reservation)

    def _refuse(self, note: _Note, error: Exception) -> Answer:
        refusal = error if isinstance(error, Refusal) else InternalFailure()
        if not isinstance(error, Refusal):
            _log.error("step '%s' of a copy failed: %s", note.step, type(error).__name__)
        try:
            self._audit.append(note.record(EventName.SHADOW_REFUSED, "refuse", self._clock.monotonic_ns(), refusal))
        except Refusal as unrecorded:
            refusal = unrecorded
        return replies.refusal_answer(refusal, note.leave.endpoint if note.leave else "", note.exchange_id)


def _principal(leave: Leave) -> Principal:
    """Whom the copy is for: nobody who has asked for it, so no person; a subject of each model's shadow."""
    return Principal(
        subject=f"{SHADOW}/{leave.asked}",
        kind="service",
        issuer=SHADOW,
        credential_class=CredentialClass.SERVICE,
        credential_id="",
        team=leave.team,
        project=leave.project,
        application=leave.application,
        environment=leave.environment,
        cost_center=leave.cost_center,
    )


def _estimate(leave: Leave) -> Estimate:
    return Estimate(leave.input_tokens_max, leave.output_tokens_max)


def _forward(leave: Leave, candidate: Candidate, hold: Hold, body: bytes, snapshot: Snapshot) -> Forward:
    """The copy as its deployment is asked. Raises NotTranslatable."""
    endpoint, model = Endpoint(leave.endpoint), snapshot.routing.models[leave.model]
    wire = candidate.wire(endpoint)
    assert wire is not None, "only deployments that the endpoint can reach get copies"
    names = {} if leave.is_named else dict(snapshot.routing.providers[candidate.provider].field_names)
    as_asked = {
        "models": {candidate.cluster: candidate.model},
        "field_names": {candidate.cluster: names},
        "format": leave.written,
        "wires": {candidate.cluster: wire.value},
        "output_tokens_field": model.output_tokens_field,
        "thinking": model.thinking,
    }
    plan = {
        "id": hold.id,
        "hold": hold.id,
        "path": leave.endpoint.removeprefix("/v1"),
        "wires": as_asked["wires"],
        "input_tokens_max": leave.input_tokens_max,
        "output_tokens_max": leave.output_tokens_max,
        SHADOW: leave.shadow_of,
    }
    return Forward(forwarding.retargeted(as_asked, candidate.cluster, body, snapshot.routing), (candidate,), plan)
