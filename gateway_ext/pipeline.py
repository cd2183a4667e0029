"""The request path, in its one order: authenticate → budget → inspect → route → forward → settle → record.

Read `admit` and `decide`. A request reaches a model only through a `Forward`, and the only place that makes one is
step 5 of `decide`, below the Guard (step 3); a copy of it (steps/shadowing.py) needs what step 5 has sealed for it. Every
other way out is a recorded refusal: each `Refusal` raised by a step, and each exception nobody thought of, ends in
`_refuse`. Cancellation (the client left, a deadline passed) releases the money and makes the server abort the stream, which
Envoy answers with 503; nothing is forwarded.

    0 read          dialects    strict parsing, so that what we judge is what the provider reads
    1 authenticate  identity    Envoy's verified claims → Principal; interface, entitlement to model, endpoint and tiers;
                                whoever a trusted front end asks for takes its place
                    standing    neither revoked, disabled nor stopped: asked again right before the request goes out
                    consent     every agreement accepted that policy asks for: asked again likewise
    2 budget        routing     deployments that can do what is asked and whose context window holds it, or 400; where policy
                                names a larger model, or lets the oldest turns go, 1 and 2 anew for that
                    budget      reserve the worst case, of as much output as there is money for, and take of quotas, or 429;
                                where policy names a smaller model, 1 and 2 anew for that one
    3 inspect       guard       every text of the request: allow, redact, deny
    4 route         routing     the content's classes, by what was found, labels and its conversation; deployments that these and
                                policy's rules leave, in order, or 403
    5 forward       dialects    edits, model name, the deployment's wire format; the decision record is written, and on disk if
                                settings ask for that, before Envoy is answered; how many tokens a request has, the
                                gateway itself answers where no deployment that is left can tell
    6 answer        response    what policy asks for, in `answers`: inspected, pseudonyms put back; recorded, too
    7 settle        budget      actual usage replaces the hold, when Envoy's access log tells of the end
    8 record        audit       the outcome
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from gateway_ext import replies, trail
from gateway_ext.attachments.finding import with_attachments
from gateway_ext.attachments.opener import Opener
from gateway_ext.audit.records import OutcomeRecord
from gateway_ext.budget.charge import settlement
from gateway_ext.dialects import encodings, own_answers, request_heads, requests
from gateway_ext.errors import (
    AuditUnavailable,
    ContentBlocked,
    InternalFailure,
    Interrupted,
    ModelUnknown,
    Refusal,
)
from gateway_ext.exchange import (
    Answer,
    Endpoint,
    Estimate,
    Outcome,
    Prompt,
    RequestHead,
)
from gateway_ext.identity.claims import authenticate
from gateway_ext.identity.front_ends import person_behind
from gateway_ext.identity.key_age import KeyAges
from gateway_ext.ports import (
    AuditLog,
    Beside,
    Clock,
    ConsentSource,
    Guard,
    IssuerKeys,
    Ledger,
    PolicySource,
    Readings,
    StandingSource,
)
from gateway_ext.response.answers import Answers
from gateway_ext.response.forwarded import Exchange, Forwarded
from gateway_ext.routing.plan import find_model
from gateway_ext.steps import counting, forwarding, inspecting
from gateway_ext.steps.classifying import Classifying
from gateway_ext.steps.copying import Copying
from gateway_ext.steps.granting import Granting
from gateway_ext.steps.holding import Held, Holding
from gateway_ext.steps.routing import Routing
from gateway_ext.steps.shadowing import Shadowing
from gateway_ext.supervised import TaskSet
from gateway_ext.tokens.counter import Counter
from gateway_ext.verdict import Allow, Deny, Redact

_log = logging.getLogger(__name__)
_JSON = "application/json"


class Pipeline:
    """Composed by bootstrap/processor.py. One per process; holds no state of any exchange."""

    def __init__(
        self,
        policy: PolicySource,
        ledger: Ledger,
        guard: Guard,
        audit: AuditLog,
        clock: Clock,
        standing: StandingSource,
        consents: ConsentSource,
        classifying: Classifying,
        readings: Readings,
        beside: Beside | None = None,
        issuer_keys: IssuerKeys | None = None,
        shadow_key: bytes | None = None,
    ) -> None:
        self._policy = policy
        self._ledger = ledger
        self._guard = guard
        self._audit = audit
        self._clock = clock
        self._standing = standing
        self._consents = consents
        self._issuer_keys = issuer_keys or KeyAges(None, clock.now_unix_nano)  # never fetched: too old
        self._beside = beside
        self._opener = Opener()
        self._classifying = classifying
        self._readings = readings
        self._routing = Routing(classifying, readings)
        self._granting = Granting(standing, consents, clock)
        self._counter = Counter()
        self._holding = Holding(ledger, clock, self._granting, self._counter)
        self.answers = Answers(guard, audit, clock, standing)
        self.background = TaskSet()
        self._copying = Copying(self._routing, standing, clock, shadow_key)
        self.shadowing = Shadowing(policy, ledger, audit, standing, clock, self._release, shadow_key)

    @property
    def user_headers(self) -> frozenset[str]:
        """The headers of a request that policy lets front ends name people in."""
        return self._policy.current().identity.user_headers

    def close(self) -> None:
        """Release the threads that read attachments and count tokens."""
        self._opener.close()
        self._counter.close()

    def admit(self, head: RequestHead) -> Exchange | Answer:
        """Judge the head, before a byte of the body is buffered."""
        note = trail.Note(self._clock.new_id(), head, self._policy.current(), self._clock.monotonic_ns())
        try:
            note.principal = authenticate(  # 1 authenticate
                head.claims, head.interface, note.snapshot.identity, head.certificate
            )
            self._issuer_keys.require_fresh(note.snapshot.identity.issuers[note.principal.issuer])
            note.principal = person_behind(note.principal, head.user_headers, note.snapshot.identity)
            self._standing.current().require_caller(note.principal)
            self._consents.require(note.principal, note.snapshot.consent)
            endpoint = note.endpoint = request_heads.served_endpoint(head)
            note.agent_run = request_heads.agent_run(head)
            if endpoint is Endpoint.MODELS:
                return self._answer_models(note)
            request_heads.require_json(head)
        except Exception as error:  # noqa: BLE001  (whatever it is, it must end in a refusal)
            return self._refuse(note, error)
        return Exchange(
            note.exchange_id, head, endpoint, note.snapshot, note.principal, note.started_ns, note.agent_run
        )

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
            agent_run=exchange.agent_run,
        )
        try:
            # 0 read
            decoded, was_coded = encodings.decode_body(body, exchange.head.content_encoding)
            note.prompt = asked = with_attachments(requests.read_prompt(exchange.endpoint, decoded))

            note.step = "authenticate"  # 1, the part that needs the body
            model = self._granting.granted(exchange, note, find_model(asked.model, snapshot.routing))

            note.step = "budget"  # 2
            held = await self._holding.hold(exchange, note, asked, model)
            model, fitted = held.model, held.fitted

            note.step = "inspect"  # 3
            now = self._clock.now_unix_nano()
            prompt, guard_rules = await inspecting.opened(exchange, held.prompt, model, self._opener, now)
            note.prompt = prompt
            note.verdict = verdict = await self._guard.inspect(prompt.texts, guard_rules)
            if isinstance(verdict, Deny):
                raise ContentBlocked(verdict.reason)

            note.step = "route"  # 4
            classified = self._classifying.classified(exchange, asked, prompt, verdict.findings)
            note.data_classes, note.labels = classified.classes.names, classified.labels.names
            note.rules += classified.classes.reasons
            route = self._routing.routed(exchange, prompt, held, verdict, classified, now)
            note.rules += route.reasons
            # Again, because inspecting took its time.
            note.candidates = candidates = self._granting.still_running(exchange, model, route)

            note.step = "forward"  # 5
            note.candidates = candidates = counting.answering(exchange.endpoint, candidates)
            if not candidates:
                return await self._answer_count(note, prompt, verdict, held)
            changed = held.body or (decoded if was_coded else None)
            forward, translations = forwarding.forward(
                prompt, verdict, candidates, route.reasons, held, snapshot.routing, changed, now // 1_000_000_000
            )
            forward = self._copying.copied(exchange, note, prompt, held, verdict, classified, forward, body)
            note.candidates = forward.candidates
            duty = inspecting.duty(exchange, prompt, model, verdict, now)
            if classified.remembering is not None:
                await classified.remembering.sent(now)
            decision = note.forwarded(self._clock.monotonic_ns())
            self._audit.append(decision)
            await self._audit.durable()  # a refusal is not waited for: it lets nothing pass
            if self._beside is not None:
                self._beside.submit(exchange.id, [text.value for text in prompt.texts])
            return Forwarded(
                exchange,
                forward,
                fitted.hold,
                fitted.estimate,
                replies.strips_usage(prompt, snapshot.routing),
                decision,
                duty,
                replies.output_events_max(prompt, fitted.estimate, snapshot.budget),
                translations,
                classified.remembering,
            )
        except asyncio.CancelledError:
            self._release(exchange.id, "cancelled")  # by id: the store may be reserving at this very moment
            self._refuse(note, Interrupted())  # recorded; nobody is there to be answered
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, it must end in a refusal)
            if note.hold is not None:
                self._release(note.hold.id, "refused")
            return self._refuse(note, error)

    async def conclude(self, ended: Sequence[tuple[Outcome, Estimate]]) -> None:
        """7 settle and 8 record, for the exchanges that Envoy's access log reports, each with what was reserved for it.

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
        for outcome, _ in ended:  # last: money and records do not wait for what only orders deployments
            self._readings.observe(outcome)

    def _record(self, record: OutcomeRecord) -> None:
        """An outcome that cannot be recorded must not keep others from being settled and recorded."""
        try:
            self._audit.append(record)
        except AuditUnavailable:
            # Of those that cost nothing there may be any number; that the log is out, it says itself.
            if record.outcome.hold_id:
                _log.error("an outcome could not be recorded")

    def score(self, exchange_id: str, classifier: str, score: float) -> None:
        """Record what a classifier beside the path has made of an exchange: 0 … 1, later than its decision."""
        with suppress(AuditUnavailable):  # it says so itself, and nothing waits for this record
            self._audit.append(trail.scored(exchange_id, classifier, score, self._policy.current()))

    def retarget(self, plan: Mapping[str, Any], cluster: str, body: bytes) -> bytes:
        """The guarded body for an attempt at `cluster`, whose model has another name or which speaks another wire format.

        `plan` is that of the verdict. Raises KeyError when it does not name the cluster, Stopped or StandingUnavailable
        when nothing may go there now.
        """
        snapshot = self._policy.current()
        deployment = trail.served_by(cluster, snapshot)
        if deployment is not None:
            self._standing.current().require_running(deployment)
        return forwarding.retargeted(plan, cluster, body, snapshot.routing)

    def _answer_models(self, note: trail.Note) -> Answer:
        assert note.principal is not None
        models, standing = note.snapshot.routing.models, self._standing.current()
        now = self._clock.now_unix_nano()
        usable = note.snapshot.identity.access_table.usable
        names = [
            name
            for name, model in sorted(models.items())
            if standing.is_running(name, usable(note.principal, name, model.deployments, now))
        ]
        asked = request_heads.model_asked(note.head)
        if asked is not None and asked not in names:  # unknown, or not for this caller: they are not told apart
            raise ModelUnknown(param="model")
        body = (
            own_answers.models_answer(names, created=0, owner="gateway")
            if asked is None
            else own_answers.model_answer(asked, created=0, owner="gateway")
        )
        self._audit.append(note.answered(self._clock.monotonic_ns()))
        return Answer(200, body, "models", note.exchange_id)

    async def _answer_count(self, note: trail.Note, prompt: Prompt, verdict: Allow | Redact, held: Held) -> Answer:
        tokens, hold = await counting.own_count(prompt, verdict, held.model, self._counter), held.fitted.hold
        self._audit.append(note.answered(self._clock.monotonic_ns()))
        self._release(hold.id, "answered")
        return replies.count_answer(tokens, hold.quotas, note.exchange_id)

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
        return replies.refusal_answer(refusal, note.head.path, note.exchange_id)

    def _release(self, hold_id: str, why: str) -> None:
        # Supervised, because the caller's stream may be gone before the store answers.
        self.background.start(self._ledger.void(hold_id, "pipeline", (why,)), name="void")
