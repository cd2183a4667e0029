"""Around step 3: what the Guard is given to read of a request, and what is owed to its answer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from gateway_ext.attachments.opener import Opener
from gateway_ext.conditions.facts import guard_facts
from gateway_ext.errors import ContentUnreadable
from gateway_ext.exchange import Prompt
from gateway_ext.guard.rules import GuardRules
from gateway_ext.response.duty import Duty
from gateway_ext.response.forwarded import Exchange
from gateway_ext.routing.rules import VirtualModel
from gateway_ext.verdict import Allow, Redact


async def opened(
    exchange: Exchange, prompt: Prompt, model: VirtualModel, opener: Opener, now_unix_nano: int
) -> tuple[Prompt, GuardRules]:
    """The request with the texts of its attachments, and the rules to judge it by. Raises ContentUnreadable."""
    rules = exchange.snapshot.guard.for_request(
        exchange.principal,
        model.tiers,
        now_unix_nano,
        partial(guard_facts, exchange.principal, model.name, prompt, now_unix_nano),
        can_restore=not prompt.continues_elsewhere,
    )
    if prompt.has_token_ids and rules.denies_token_ids:
        raise ContentUnreadable(param="input")
    if not prompt.attachments:
        return prompt, rules
    texts = await opener.open(prompt.attachments, denies_on_timeout=rules.denies_on_timeout)
    return replace(prompt, texts=prompt.texts + texts), rules


def duty(exchange: Exchange, prompt: Prompt, model: VirtualModel, verdict: Allow | Redact, now_unix_nano: int) -> Duty:
    """What is owed to the answer of a request that was judged so."""
    guard = exchange.snapshot.guard
    asked = partial(guard_facts, exchange.principal, model.name, prompt, now_unix_nano)
    rules = guard.for_response(exchange.principal, model.tiers, now_unix_nano, asked)
    return Duty.of(prompt.texts, verdict, rules, inspects=guard.inspects_responses)
