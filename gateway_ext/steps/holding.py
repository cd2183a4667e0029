"""Step 2: hold the worst case, of as much output as there is money for, and take of quotas."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial

from gateway_ext.budget import fitting, reserve
from gateway_ext.budget.admission import Admission, Applicant
from gateway_ext.budget.fitting import Fitted, Reserve, Wanted
from gateway_ext.budget.rules import Reservation
from gateway_ext.errors import BudgetExhausted, RateLimited, Refusal
from gateway_ext.exchange import Endpoint, Estimate, Prompt
from gateway_ext.ports import Clock, Ledger
from gateway_ext.response.forwarded import Exchange
from gateway_ext.routing.capabilities import capable
from gateway_ext.routing.plan import find_model
from gateway_ext.routing.rules import VirtualModel
from gateway_ext.steps.granting import Granting
from gateway_ext.steps.windows import Windowed, windowed
from gateway_ext.tokens.counter import Counter
from gateway_ext.trail import Note


@dataclass(frozen=True, slots=True)
class Held:
    """What is held, for which model, and for which request: `body` is that one, where turns were left out of what came.

    `context` tells callers what its length has changed.
    """

    model: VirtualModel
    prompt: Prompt
    fitted: Fitted
    body: bytes | None = None
    context: str = ""
    is_degraded: bool = False  # to a smaller model, for want of room


class Holding:
    """Asks the ledger, and where the cheap bound does not fit, counts tokens."""

    def __init__(self, ledger: Ledger, clock: Clock, granting: Granting, counter: Counter) -> None:
        self._ledger = ledger
        self._clock = clock
        self._granting = granting
        self._counter = counter
        self._admission = Admission(ledger.reserve, clock.now_unix_nano)

    async def hold(self, exchange: Exchange, note: Note, prompt: Prompt, model: VirtualModel) -> Held:
        """What is held for `model`, or for the smaller one that policy names where it has no room: that must be granted, too.

        Who may not use that one either hears why the first was refused. Raises BudgetExhausted, RateLimited,
        CapabilityMissing, ContextLengthExceeded.
        """
        try:
            return await self._hold(exchange, note, prompt, _capable(model, prompt))
        except (BudgetExhausted, RateLimited) as refusal:
            if not model.degrade_to:
                raise
            no_room = refusal
        try:
            smaller = self._granting.granted(exchange, note, find_model(model.degrade_to, exchange.snapshot.routing))
            held = await self.hold(exchange, note, prompt, smaller)
        except Refusal:
            raise no_room from None
        note.rules += (f"degraded_from:{model.name}",)
        return replace(held, is_degraded=True)

    async def _hold(self, exchange: Exchange, note: Note, prompt: Prompt, model: VirtualModel) -> Held:
        """Counted and limited where the request does not fit as it is."""
        if exchange.endpoint is Endpoint.COUNT_TOKENS:
            return await self._hold_nothing(exchange, note, prompt, model)
        rules, now = exchange.snapshot.budget, self._clock.now_unix_nano()

        def granted(name: str) -> VirtualModel:
            other = self._granting.granted(exchange, note, find_model(name, exchange.snapshot.routing))
            return _capable(other, prompt)

        window = await windowed(prompt, model, self._counter, granted)
        prompt, model = window.prompt, window.model

        def reservation(estimate: Estimate) -> Reservation:
            return reserve.reservation(
                exchange.id, exchange.principal, model.name, estimate, model.deployments, rules, now, exchange.agent_run
            )

        async def closer_input() -> int | None:
            known = window.counted or await self._counter.count(prompt, model.tokenizer)
            return known.at_most if known else None

        first = reservation(window.estimate)
        wanted = Wanted.of(prompt, window.estimate, rules.output_tokens_min)
        applicant = _applicant(exchange, prompt, model)
        admitted = partial(self._admission.reserve, applicant=applicant)
        note.rules += tuple(f"budget:{line.rule}" for line in first.lines)
        note.rules += tuple(f"quota:{line.rule}" for line in first.quotas)
        fitted = await fitting.hold(wanted, first, reservation, admitted, closer_input, self._at_once(applicant))
        note.held(model.name, fitted.hold, fitted.estimate, fitted.output_cap)
        note.rules += tuple(f"over:{rule}" for rule in fitted.hold.over)
        note.rules += (f"cap:{fitted.capped_by}",) if fitted.capped_by else ()
        note.rules += window.reasons
        return Held(model, prompt, fitted, window.body, _told(window))

    def _at_once(self, applicant: Applicant) -> Reserve | None:
        """To reserve without the waiting that `applicant` may do; None for one that does not wait."""
        return (
            partial(self._admission.reserve, applicant=replace(applicant, waits_until=0.0))
            if applicant.waits_until
            else None
        )

    async def _hold_nothing(self, exchange: Exchange, note: Note, prompt: Prompt, model: VirtualModel) -> Held:
        """For a request that generates nothing: however long it is, as its length is what it asks about."""
        asked = reserve.reservation_of_nothing(
            exchange.id,
            exchange.principal,
            model.name,
            model.deployments,
            exchange.snapshot.budget,
            self._clock.now_unix_nano(),
            exchange.agent_run,
        )
        note.rules += tuple(f"budget:{line.rule}" for line in asked.lines)
        note.rules += tuple(f"quota:{line.rule}" for line in asked.quotas)
        hold = await self._ledger.reserve(asked)
        note.held(model.name, hold, asked.estimate, 0)
        return Held(model, prompt, Fitted(hold, asked.estimate))


def _told(window: Windowed) -> str:
    """As in `larger=MODEL, dropped_turns=2`; "" when it fitted as it was."""
    larger = "context:larger:"
    said = [f"larger={each.removeprefix(larger)}" for each in window.reasons if each.startswith(larger)]
    return ", ".join([*said, *([f"dropped_turns={window.dropped_turns}"] if window.dropped_turns else [])])


def _capable(model: VirtualModel, prompt: Prompt) -> VirtualModel:
    """With the deployments that can do what the request needs. Raises CapabilityMissing."""
    return model.served_by(capable(model.deployments, prompt.needs))


def _applicant(exchange: Exchange, prompt: Prompt, model: VirtualModel) -> Applicant:
    """Who waits, should a quota be short: nobody for whom there is a smaller model, or whose attachments take their time."""
    priority = exchange.snapshot.budget.priorities.of(exchange.principal)
    waits = priority.wait_seconds and not model.degrade_to and not prompt.attachments
    until = asyncio.get_running_loop().time() + priority.wait_seconds if waits else 0.0
    return Applicant(priority, exchange.principal.subject, prompt.body_bytes, until)
