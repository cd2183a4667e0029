"""The request path, in its one order: authenticate → budget → inspect → route → forward → settle → record.

Read `admit` and `decide`. A request reaches a model only through a `Forward`, and the only place that makes one is
step 5 of `decide`, below the Guard (step 3). Every other way out is a recorded refusal: each `Refusal` raised by a step,
and each exception nobody thought of, ends in `_refuse`. Cancellation (the client left, a deadline passed) releases the
money and makes the server abort the stream, which Envoy answers with 503; nothing is forwarded.

    0 read          dialects    strict parsing, so that what we judge is what the provider reads
    1 authenticate  identity    Envoy's verified claims → Principal; interface, entitlement to model, endpoint and tiers;
                                whoever a trusted front end asks for takes its place
                    standing    neither revoked, disabled nor stopped: asked again right before the request goes out
                    consent     every agreement accepted that policy asks for: asked again likewise
    2 budget        budget      reserve the worst case, of as much output as there is money for, and take of quotas, or 429;
                                where policy names a smaller model, 1 and 2 anew for that one
    3 inspect       guard       every text of the request: allow, redact, deny
    4 route         routing     deployments allowed for what was found, in order, or 403
    5 forward                   edits, model name; the decision record is written before Envoy is answered
    6 answer        response    what policy asks for, in `answers`: inspected, pseudonyms put back; recorded, too
    7 settle        budget      actual usage replaces the hold, when Envoy's access log tells of the end
    8 record        audit       the outcome
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from gateway_ext import replies, trail
from gateway_ext.attachments.finding import with_attachments
from gateway_ext.attachments.opener import Opener
from gateway_ext.audit.records import OutcomeRecord
from gateway_ext.budget import fitting, reserve
from gateway_ext.budget.admission import Admission, Applicant
from gateway_ext.budget.charge import settlement
from gateway_ext.budget.fitting import Fitted, Wanted, within_context
from gateway_ext.budget.rules import Reservation
from gateway_ext.dialects import encodings, own_answers, request_heads, requests
from gateway_ext.errors import (
    AuditUnavailable,
    BudgetExhausted,
    ContentBlocked,
    ContentUnreadable,
    InternalFailure,
    Interrupted,
    RateLimited,
    Refusal,
)
from gateway_ext.exchange import (
    Answer,
    Candidate,
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
    StandingSource,
)
from gateway_ext.response.answers import Answers
from gateway_ext.response.duty import Duty
from gateway_ext.response.forwarded import Exchange, Forwarded
from gateway_ext.routing.plan import find_model, plan, serving
from gateway_ext.routing.rules import VirtualModel
from gateway_ext.supervised import TaskSet
from gateway_ext.tokens.counter import Counter
from gateway_ext.tokens.prompts import InputTokens
from gateway_ext.verdict import Deny, requires_sovereign_route

_log = logging.getLogger(__name__)
_JSON = "application/json"


class Pipeline:
    """Composed by bootstrap.py. One per process; holds no state of any exchange."""

    def __init__(
        self,
        policy: PolicySource,
        ledger: Ledger,
        guard: Guard,
        audit: AuditLog,
        clock: Clock,
        standing: StandingSource,
        consents: ConsentSource,
        beside: Beside | None = None,
        issuer_keys: IssuerKeys | None = None,
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
        self._counter = Counter()
        self._admission = Admission(ledger.reserve, clock.now_unix_nano)
        self.answers = Answers(guard, audit, clock, standing)
        self.background = TaskSet()

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
            if endpoint is Endpoint.MODELS:
                return self._answer_models(note)
            request_heads.require_json(head)
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
            note.prompt = prompt = with_attachments(requests.read_prompt(exchange.endpoint, decoded))

            note.step = "authenticate"  # 1, the part that needs the body
            model = self._granted(exchange, note, find_model(prompt.model, snapshot.routing))

            note.step = "budget"  # 2
            model, fitted = await self._hold_or_degrade(exchange, note, prompt, model)
            note.hold, note.output_cap = fitted.hold, fitted.output_cap
            note.rules += tuple(f"over:{rule}" for rule in fitted.hold.over)
            if fitted.capped_by:
                note.rules += (f"cap:{fitted.capped_by}",)

            note.step = "inspect"  # 3
            now = self._clock.now_unix_nano()
            rules = snapshot.guard.for_request(
                exchange.principal, model.tiers, now, can_restore=not prompt.continues_elsewhere
            )
            if prompt.has_token_ids and rules.denies_token_ids:
                raise ContentUnreadable(param="input")
            if prompt.attachments:
                opened = await self._opener.open(prompt.attachments, denies_on_timeout=rules.denies_on_timeout)
                note.prompt = prompt = replace(prompt, texts=prompt.texts + opened)
            note.verdict = verdict = await self._guard.inspect(prompt.texts, rules)
            if isinstance(verdict, Deny):
                raise ContentBlocked(verdict.reason)

            note.step = "route"  # 4
            candidates = plan(model, must_be_sovereign=requires_sovereign_route(verdict), rules=snapshot.routing)
            # Again, because inspecting took its time.
            note.candidates = candidates = self._not_stopped(exchange, model.name, candidates)

            note.step = "forward"  # 5
            forward = replies.forward(prompt, verdict, candidates, fitted, model, decoded if was_coded else None)
            answer_rules = snapshot.guard.for_response(exchange.principal, model.tiers, now)
            duty = Duty.of(prompt.texts, verdict, answer_rules, inspects=snapshot.guard.inspects_responses)
            decision = note.forwarded(self._clock.monotonic_ns())
            self._audit.append(decision)
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
            )
        except asyncio.CancelledError:
            self._release(exchange.id, "cancelled")  # by id: the store may be reserving at this very moment
            self._refuse(note, Interrupted())  # recorded; nobody is there to be answered
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, it must end in a refusal)
            if note.hold is not None:
                self._release(note.hold.id, "refused")
            return self._refuse(note, error)

    def _granted(self, exchange: Exchange, note: trail.Note, model: VirtualModel) -> VirtualModel:
        """Step 1, the part that needs the model: `model` with the deployments that the caller may use now, never none."""
        grant = exchange.snapshot.identity.access_table.grant(exchange.principal, model.name, exchange.endpoint)
        note.rules += tuple(f"access:{name}" for name in grant.rules)
        granted = grant.within(serving(model, exchange.endpoint).deployments)
        return replace(model, deployments=self._not_stopped(exchange, model.name, granted))

    async def _hold_or_degrade(
        self, exchange: Exchange, note: trail.Note, prompt: Prompt, model: VirtualModel
    ) -> tuple[VirtualModel, Fitted]:
        """Step 2 for `model`, or for the smaller one that policy names where it has no room: there steps 1 and 2 anew.

        Who may not use that one either hears why the first was refused.
        """
        try:
            return model, await self._hold(exchange, note, prompt, model)
        except (BudgetExhausted, RateLimited) as refusal:
            if not model.degrade_to:
                raise
            no_room = refusal
        try:
            smaller = self._granted(exchange, note, find_model(model.degrade_to, exchange.snapshot.routing))
            serves = await self._hold_or_degrade(exchange, note, prompt, smaller)
        except Refusal:
            raise no_room from None
        note.degraded_to = serves[0].name
        note.rules += (f"degraded_from:{model.name}",)
        return serves

    async def _hold(self, exchange: Exchange, note: trail.Note, prompt: Prompt, model: VirtualModel) -> Fitted:
        """Step 2: hold the worst case, counted and limited where it does not fit as it is."""
        rules, now = exchange.snapshot.budget, self._clock.now_unix_nano()
        counted: InputTokens | None = None

        def reservation(estimate: Estimate) -> Reservation:
            return reserve.reservation(
                exchange.id, exchange.principal, model.name, estimate, model.deployments, rules, now
            )

        async def closer_input() -> int | None:
            known = counted or await self._counter.count(prompt, model.tokenizer)
            return known.at_most if known else None

        estimate = reserve.estimate(prompt, model.output_tokens_max)
        if estimate.input_tokens + estimate.output_tokens // prompt.choices > model.context_tokens:
            counted = await self._counter.count(prompt, model.tokenizer)
            if counted is not None:
                estimate = within_context(prompt, estimate, model.context_tokens, counted.at_least, counted.at_most)
        first = reservation(estimate)
        note.rules += tuple(f"budget:{line.rule}" for line in first.lines)
        note.rules += tuple(f"quota:{line.rule}" for line in first.quotas)
        wanted = Wanted.of(prompt, estimate, rules.output_tokens_min)
        admitted = partial(self._admission.reserve, applicant=_applicant(exchange, prompt, model))
        return await fitting.hold(wanted, first, reservation, admitted, closer_input)

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

    def retarget(self, models: Mapping[str, str], cluster: str, body: bytes) -> bytes | None:
        """The guarded body for a further attempt at `cluster`.

        Raises KeyError when the verdict does not name it, Stopped or StandingUnavailable when nothing may go there now.
        """
        deployment = trail.served_by(cluster, self._policy.current())
        if deployment is not None:
            self._standing.current().require_running(deployment)
        return requests.replace_model(body, models[cluster])

    def _not_stopped(self, exchange: Exchange, model: str, deployments: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        """Those of `deployments` that the caller may still use; never empty. Raises what standing and consent raise."""
        standing = self._standing.current()
        standing.require_caller(exchange.principal)
        self._consents.require(exchange.principal, exchange.snapshot.consent)
        return standing.running(model, deployments)

    def _answer_models(self, note: trail.Note) -> Answer:
        assert note.principal is not None
        models, standing = note.snapshot.routing.models, self._standing.current()
        usable = note.snapshot.identity.access_table.usable
        names = [
            name
            for name, model in sorted(models.items())
            if standing.is_running(name, usable(note.principal, name, model.deployments))
        ]
        self._audit.append(note.answered(self._clock.monotonic_ns()))
        return Answer(200, own_answers.models_answer(names, created=0, owner="gateway"), "models", note.exchange_id)

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


def _applicant(exchange: Exchange, prompt: Prompt, model: VirtualModel) -> Applicant:
    """Who waits, should a quota be short: nobody for whom there is a smaller model, or whose attachments take their time."""
    priority = exchange.snapshot.budget.priorities.of(exchange.principal)
    waits = priority.wait_seconds and not model.degrade_to and not prompt.attachments
    until = asyncio.get_running_loop().time() + priority.wait_seconds if waits else 0.0
    return Applicant(priority, exchange.principal.subject, prompt.body_bytes, until)
