"""Beside step 5: whether a request that goes out is copied to the shadow of its model, and where to.

Everything that narrows where the request may go narrows the copy: access, orders, capabilities, data classes, rules; then it
must be a place at least as sovereign as the request's own. Nothing here changes the request, or refuses it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from gateway_ext import limits
from gateway_ext.conditions.facts import guard_facts
from gateway_ext.errors import Refusal
from gateway_ext.exchange import Candidate, Carriage, Endpoint, Forward, Principal, Prompt
from gateway_ext.ports import Clock, StandingSource
from gateway_ext.response.forwarded import Exchange
from gateway_ext.routing.capabilities import capable
from gateway_ext.routing.plan import serving
from gateway_ext.routing.rules import RoutingRules, VirtualModel
from gateway_ext.routing.shadow import Original, Shadow, destination, is_sampled
from gateway_ext.routing.strategies import Strategy
from gateway_ext.steps.classifying import Classified
from gateway_ext.steps.holding import Held
from gateway_ext.steps.routing import Routing
from gateway_ext.steps.shadow_leave import Leave, body_sha256, sealed
from gateway_ext.trail import Note
from gateway_ext.verdict import Allow, Redact

_log = logging.getLogger(__name__)


class Copying:
    """Asks what the request itself has asked. `key` seals leaves; None: nothing is copied."""

    def __init__(self, routing: Routing, standing: StandingSource, clock: Clock, key: bytes | None) -> None:
        self._routing = routing
        self._standing = standing
        self._clock = clock
        self._key = key

    def copied(
        self,
        exchange: Exchange,
        note: Note,
        prompt: Prompt,
        held: Held,
        verdict: Allow | Redact,
        classified: Classified,
        forward: Forward,
        body: bytes,
    ) -> Forward:
        """`forward` with leave for a copy, where policy wants one and nothing speaks against it. `body`: as it came."""
        shadow, sent = held.model.shadow, body if forward.body is None else forward.body
        if (
            shadow is None
            or self._key is None
            or exchange.endpoint is Endpoint.COUNT_TOKENS
            or len(sent) > limits.SHADOW_BODY_BYTES_MAX
            or not is_sampled(exchange.id, shadow)
            or _cannot_be_repeated(prompt)
        ):
            return forward
        now = self._clock.now_unix_nano()
        try:
            found = self._destination(exchange, prompt, held, verdict, classified, forward, shadow, now)
        except Refusal:
            return forward
        except Exception as error:  # noqa: BLE001  (the request itself must not suffer)
            _log.error("a copy could not be decided: %s", type(error).__name__)
            return forward
        if found is None:
            return forward
        leave = Leave(
            id=self._clock.new_id(),
            shadow_of=exchange.id,
            policy_digest=exchange.snapshot.digest,
            cluster=found.cluster,
            model=shadow.model,
            asked=held.model.name,
            endpoint=exchange.endpoint.value,
            written=_written(forward, exchange.endpoint).value,
            is_named=bool(_names_written(forward, exchange.snapshot.routing)),
            is_stream=prompt.is_stream,
            input_tokens_max=held.fitted.estimate.input_tokens,
            output_tokens_max=held.fitted.estimate.output_tokens,
            body_sha256=body_sha256(sent),
            expires_unix_seconds=now // limits.NANO + limits.SHADOW_LEAVE_SECONDS,
            **_payer(exchange.principal, shadow),
        )
        note.rules += (f"shadow:{shadow.model}",)
        return replace(forward, shadow=sealed(leave, self._key))

    def _destination(
        self,
        exchange: Exchange,
        prompt: Prompt,
        held: Held,
        verdict: Allow | Redact,
        classified: Classified,
        forward: Forward,
        shadow: Shadow,
        now_unix_nano: int,
    ) -> Candidate | None:
        """None when no deployment may have the copy, or can serve it. Raises what access, orders and routes raise."""
        rules, model = exchange.snapshot.routing, held.model
        other = rules.models[shadow.model]
        own = tuple(each for each in serving(other, exchange.endpoint).deployments if not each.substitute_for)
        table = exchange.snapshot.identity.access_table
        granted = table.grant(exchange.principal, model.name, exchange.endpoint, now_unix_nano).within(own)
        running = self._standing.current().running(shadow.model, capable(granted, prompt.needs))
        asked = replace(model, deployments=running, otherwise="", strategy=Strategy())
        route = self._routing.routed(exchange, prompt, replace(held, model=asked), verdict, classified, now_unix_nano)
        allowed = [
            each
            for each in route.candidates
            if _is_named_so(each, forward, rules) and _was_judged_so(each, exchange, prompt, model, now_unix_nano)
        ]
        original = Original(
            forward.candidates[0],
            _written(forward, exchange.endpoint),
            exchange.endpoint,
            held.fitted.estimate,
            prompt.choices,
            model.context_tokens,
        )
        return destination(allowed, original, other.context_tokens, rules.tiers)


def _cannot_be_repeated(prompt: Prompt) -> bool:
    """Whether it refers to what only the first provider keeps, or has a provider do things, which must not be done twice."""
    return (
        prompt.continues_elsewhere
        or "hosted_tools" in prompt.needs
        or any(each.carriage is Carriage.FILE_ID for each in prompt.attachments)
    )


def _written(forward: Forward, endpoint: Endpoint) -> Endpoint:
    """The wire format of the body as Envoy has it."""
    return Endpoint(forward.plan.get("format", endpoint.value))


def _names_written(forward: Forward, rules: RoutingRules) -> dict[str, str]:
    """What fields of the body are called otherwise; empty when each attempt names them on its way."""
    if "field_names" in forward.plan:
        return {}
    return dict(rules.providers[forward.candidates[0].provider].field_names)


def _is_named_so(candidate: Candidate, forward: Forward, rules: RoutingRules) -> bool:
    """Whether the body can be named as this deployment names it: nothing is renamed twice."""
    written = _names_written(forward, rules)
    return not written or written == dict(rules.providers[candidate.provider].field_names)


def _was_judged_so(
    candidate: Candidate, exchange: Exchange, prompt: Prompt, model: VirtualModel, now_unix_nano: int
) -> bool:
    """Whether the Guard has read the request by the rules that it would have with this deployment among the model's."""
    if candidate.tier in model.tiers:
        return True
    guard, facts = exchange.snapshot.guard, partial(guard_facts, exchange.principal, model.name, prompt, now_unix_nano)
    ours, theirs = (
        guard.for_request(exchange.principal, tiers, now_unix_nano, facts)
        for tiers in (model.tiers, model.tiers | {candidate.tier})
    )
    return ours == theirs


def _payer(principal: Principal, shadow: Shadow) -> dict[str, str]:
    if shadow.payer:
        return {"team": shadow.payer}
    names = ("team", "project", "application", "environment", "cost_center")
    return {name: getattr(principal, name) for name in names}
