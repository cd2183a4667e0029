"""The request path, in its one order: authenticate → budget → inspect → route → forward → settle → record.

Read `admit` and `decide`. A request reaches a model only through a `Forward`, and the only place that makes one is
step 5 of `decide`, below the Guard (step 3). Every other way out is a recorded refusal: each `Refusal` raised by a step,
and each exception nobody thought of, ends in `_refuse`. Cancellation (the client left, a deadline passed) releases the
money and makes the server abort the stream, which Envoy answers with 503; nothing is forwarded.

    0 read          dialects    strict parsing, so that what we judge is what the provider reads
    1 authenticate  identity    Envoy's verified claims → Principal; interface, entitlement to the model
    2 budget        budget      reserve the worst case, or 429
    3 inspect       guard       every text of the request: allow, redact, deny
    4 route         routing     deployments allowed for what was found, in order, or 403
    5 forward                   edits, model name; the decision record is written before Envoy is answered
    6 settle        budget      actual usage replaces the hold, when Envoy's access log tells of the end
    7 record        audit       the outcome
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway_ext import trail
from gateway_ext.audit.records import OutcomeRecord
from gateway_ext.budget import reserve
from gateway_ext.budget.charge import settlement
from gateway_ext.dialects import encodings, openai
from gateway_ext.errors import (
    AuditUnavailable,
    ContentBlocked,
    ContentTypeUnsupported,
    ContentUnreadable,
    EndpointUnknown,
    InternalFailure,
    Interrupted,
    MethodNotAllowed,
    ModelNotAllowed,
    Refusal,
)
from gateway_ext.exchange import (
    Answer,
    Candidate,
    Endpoint,
    Estimate,
    Forward,
    Hold,
    Outcome,
    Principal,
    Prompt,
    RequestHead,
    ResponseReading,
)
from gateway_ext.identity.access import matching_rule, usable_models
from gateway_ext.identity.claims import authenticate
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.ports import AuditLog, Clock, Guard, Ledger, PolicySource
from gateway_ext.routing.plan import find_model, plan
from gateway_ext.supervised import TaskSet
from gateway_ext.verdict import Allow, Deny, Redact, requires_sovereign_route

_log = logging.getLogger(__name__)
_JSON = "application/json"
# JSON is UTF-8 (RFC 8259 §8.1). A provider that believed in another charset would read other words than the Guard.
_CONTENT_TYPE = re.compile(r'application/json\s*(;\s*(charset=("?)utf-8\3\s*)?)?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Exchange:
    """An admitted request: judged by one policy snapshot from here to its end."""

    id: str
    head: RequestHead
    endpoint: Endpoint
    snapshot: Snapshot
    principal: Principal
    started_ns: int


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A decided request that is on its way: what the response side needs to know."""

    exchange: Exchange
    forward: Forward
    hold: Hold
    estimate: Estimate
    strips_usage: bool

    @property
    def reads_response(self) -> bool:
        """Whether any response to this request may have to be read."""
        return self.strips_usage or self.exchange.snapshot.routing.metering == "processor"


class Pipeline:
    """Composed by bootstrap.py. One per process; holds no state of any exchange."""

    def __init__(self, policy: PolicySource, ledger: Ledger, guard: Guard, audit: AuditLog, clock: Clock) -> None:
        self._policy = policy
        self._ledger = ledger
        self._guard = guard
        self._audit = audit
        self._clock = clock
        self.background = TaskSet()

    def admit(self, head: RequestHead) -> Exchange | Answer:
        """Judge the head, before a byte of the body is buffered."""
        note = trail.Note(self._clock.new_id(), head, self._policy.current(), self._clock.monotonic_ns())
        try:
            note.principal = authenticate(head.claims, head.interface, note.snapshot.identity)  # 1 authenticate
            endpoint = note.endpoint = _endpoint(head)
            if endpoint is Endpoint.MODELS:
                return self._answer_models(note)
            _require_json(head)
        except Exception as error:  # noqa: BLE001  (whatever it is, it must end in a refusal)
            return self._refuse(note, error)
        return Exchange(note.exchange_id, head, endpoint, note.snapshot, note.principal, note.started_ns)

    async def decide(self, exchange: Exchange, body: bytes) -> Forwarded | Answer:
        """Judge the whole request. Raises only CancelledError; then nothing may be forwarded."""
        snapshot = exchange.snapshot
        note = trail.Note(
            exchange.id,
            exchange.head,
            snapshot,
            exchange.started_ns,
            "read",
            exchange.principal,
            exchange.endpoint,
            len(body),
        )
        try:
            # 0 read
            decoded, was_coded = encodings.decode_body(body, exchange.head.content_encoding)
            note.prompt = prompt = openai.read_prompt(exchange.endpoint, decoded)

            note.step = "authenticate"  # 1, the part that needs the body
            model = find_model(prompt.model, snapshot.routing)
            access = matching_rule(exchange.principal, model.name, snapshot.identity)
            if access is None:
                raise ModelNotAllowed(param="model")
            note.rules = (f"access:{access.name}",)

            note.step = "budget"  # 2
            estimate = reserve.estimate(prompt, model.output_tokens_max)
            reservation = reserve.reservation(
                exchange.id,
                exchange.principal,
                model.name,
                estimate,
                model.deployments,
                snapshot.budget,
                self._clock.now_unix_nano(),
            )
            note.rules += tuple(f"budget:{line.rule}" for line in reservation.lines)
            note.hold = hold = await self._ledger.reserve(reservation)

            note.step = "inspect"  # 3
            rules = snapshot.guard.for_request(exchange.principal, model.tiers, self._clock.now_unix_nano())
            if prompt.has_token_ids and rules.denies_token_ids:
                raise ContentUnreadable(param="input")
            note.verdict = verdict = await self._guard.inspect(prompt.texts, rules)
            if isinstance(verdict, Deny):
                raise ContentBlocked(verdict.reason)

            note.step = "route"  # 4
            note.candidates = candidates = plan(
                model, must_be_sovereign=requires_sovereign_route(verdict), rules=snapshot.routing
            )

            note.step = "forward"  # 5
            forward = _forward(exchange, prompt, verdict, candidates, hold, estimate, decoded if was_coded else None)
            self._audit.append(note.forwarded(self._clock.monotonic_ns()))
            return Forwarded(exchange, forward, hold, estimate, _strips_usage(prompt, snapshot))
        except asyncio.CancelledError:
            self._release(exchange.id, "cancelled")  # by id: the store may be reserving at this very moment
            self._refuse(note, Interrupted())  # recorded; nobody is there to be answered
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, it must end in a refusal)
            if note.hold is not None:
                self._release(note.hold.id, "refused")
            return self._refuse(note, error)

    def read_response(
        self, forwarded: Forwarded, status: int, media_type: str, content_encoding: str
    ) -> ResponseReading:
        """How much of the response the processor must see. Nothing, unless policy asks for it: a hop per chunk is dear."""
        if status >= 300 or content_encoding not in ("", "identity"):
            return ResponseReading.NOTHING
        in_processor = forwarded.exchange.snapshot.routing.metering == "processor"
        if media_type == "text/event-stream" and (in_processor or forwarded.strips_usage):
            return ResponseReading.STREAM
        return ResponseReading.WHOLE if media_type == _JSON and in_processor else ResponseReading.NOTHING

    async def conclude(self, ended: Sequence[tuple[Outcome, Estimate]]) -> None:
        """6 settle and 7 record, for the exchanges that Envoy's access log reports, each with what was reserved for it.

        Raises LedgerUnavailable: holds then stay, expire, and are settled by estimate.
        """
        snapshot = self._policy.current()
        held = [(outcome, bounds) for outcome, bounds in ended if outcome.hold_id]
        for outcome, _ in ended:
            if not outcome.hold_id:  # refused, answered by us, or never seen by us: nothing to settle
                self._record(trail.concluded(outcome, None, snapshot))
        settled = await self._ledger.settle_all([settlement(outcome, bounds) for outcome, bounds in held])
        for (outcome, _), closed in zip(held, settled, strict=True):
            self._record(trail.concluded(outcome, closed, snapshot))

    def _record(self, record: OutcomeRecord) -> None:
        """An outcome that cannot be recorded must not keep others from being settled and recorded."""
        try:
            self._audit.append(record)
        except AuditUnavailable:
            # Of those that cost nothing there may be any number; that the log is out, it says itself.
            if record.outcome.hold_id:
                _log.error("an outcome could not be recorded")

    def retarget(self, models: Mapping[str, str], cluster: str, body: bytes) -> bytes | None:
        """The guarded body for a further attempt at `cluster`. Raises KeyError when the verdict does not name it."""
        return openai.replace_model(body, models[cluster])

    def _answer_models(self, note: trail.Note) -> Answer:
        assert note.principal is not None
        names = usable_models(note.principal, note.snapshot.routing.models, note.snapshot.identity)
        self._audit.append(note.answered(self._clock.monotonic_ns()))
        return Answer(200, openai.models_answer(names, created=0, owner="gateway"), "models", note.exchange_id)

    def _refuse(self, note: trail.Note, error: Exception) -> Answer:
        if isinstance(error, Refusal):
            refusal = error
        else:
            # The type and the place only: an exception's text might carry what it failed on.
            _log.error("step '%s' failed: %s", note.step, type(error).__name__)
            refusal = InternalFailure()
        try:
            self._audit.append(note.refused(refusal, self._clock.monotonic_ns()))
        except Refusal as unrecorded:
            refusal = unrecorded
        return _refusal_answer(refusal, note.exchange_id)

    def _release(self, hold_id: str, why: str) -> None:
        # Supervised, because the caller's stream may be gone before the store answers.
        self.background.start(self._ledger.void(hold_id, "pipeline", (why,)), name="void")


def _endpoint(head: RequestHead) -> Endpoint:
    try:
        endpoint = Endpoint(head.path)
    except ValueError:
        raise EndpointUnknown from None
    if head.method != ("GET" if endpoint is Endpoint.MODELS else "POST"):
        raise MethodNotAllowed
    return endpoint


def _require_json(head: RequestHead) -> None:
    if _CONTENT_TYPE.fullmatch(head.content_type) is None:
        raise ContentTypeUnsupported


def _strips_usage(prompt: Prompt, snapshot: Snapshot) -> bool:
    return prompt.is_stream and not prompt.asked_for_usage and snapshot.routing.usage_chunk == "strip"


def _forward(
    exchange: Exchange,
    prompt: Prompt,
    verdict: Allow | Redact,
    candidates: tuple[Candidate, ...],
    hold: Hold,
    estimate: Estimate,
    decoded: bytes | None,
) -> Forward:
    edits = verdict.edits if isinstance(verdict, Redact) else ()
    body = openai.rewrite(prompt, model=candidates[0].model, include_usage=prompt.is_stream, edits=edits)
    return Forward(
        # A body that came coded goes out as it was inspected, not as it came.
        body=body if body is not None else decoded,
        candidates=candidates,
        plan={
            "id": exchange.id,
            "hold": hold.id,
            "path": exchange.endpoint.value.removeprefix("/v1"),
            "input_tokens_max": estimate.input_tokens,
            "output_tokens_max": estimate.output_tokens,
        },
        drop_content_encoding=decoded is not None,
    )


def _refusal_answer(refusal: Refusal, exchange_id: str) -> Answer:
    headers = [("content-type", _JSON), ("x-should-retry", "true" if refusal.http_status == 503 else "false")]
    if refusal.retry_after_seconds is not None:
        headers.append(("retry-after", str(refusal.retry_after_seconds)))
    body = openai.error_body(refusal.code, refusal.kind, str(refusal), refusal.param)
    return Answer(refusal.http_status, body, refusal.code, exchange_id, tuple(headers))
