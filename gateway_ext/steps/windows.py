"""Step 2, before the money: the deployments whose context windows hold a request, or what policy does about one too long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway_ext.attachments.finding import with_attachments
from gateway_ext.budget import reserve
from gateway_ext.budget.fitting import OUTPUT_TOKENS_USEFUL
from gateway_ext.dialects import requests, turns
from gateway_ext.dialects.strict_json import encode
from gateway_ext.errors import ContextLengthExceeded, Refusal
from gateway_ext.exchange import Estimate, Prompt
from gateway_ext.routing.context import Size, excess_tokens, fit, window_tokens
from gateway_ext.routing.rules import VirtualModel
from gateway_ext.tokens.counter import Counter
from gateway_ext.tokens.prompts import InputTokens, guessed_message_tokens, guessed_tokens

Granted = Callable[[str], VirtualModel]
"""A model with the deployments that the caller may use. Raises a Refusal when there are none."""


@dataclass(frozen=True, slots=True)
class Windowed:
    """`model` with the deployments that hold `prompt`, never none. `body` is what goes out in place of what came, after turns
    were dropped. `reasons` for the audit trail; `counted` None: nobody has counted."""

    model: VirtualModel
    prompt: Prompt
    estimate: Estimate
    counted: InputTokens | None = None
    body: bytes | None = None
    dropped_turns: int = 0
    reasons: tuple[str, ...] = ()


async def windowed(prompt: Prompt, model: VirtualModel, counter: Counter, granted: Granted) -> Windowed:
    """The request as `model`, or the larger one that policy names, can hold it. Counts only what may not fit.

    Raises ContextLengthExceeded.
    """
    estimate = reserve.estimate(prompt, model.output_tokens_max)
    smallest = min(window_tokens(each, model.context_tokens) for each in model.deployments)
    if estimate.input_tokens + estimate.output_tokens // prompt.choices <= smallest:
        return Windowed(model, prompt, estimate)
    counted = await counter.count(prompt, model.tokenizer)
    excess = _excess_tokens(prompt, model, estimate, counted)
    found: Windowed | ContextLengthExceeded
    try:
        found = _fitted(prompt, model, estimate, counted)
    except ContextLengthExceeded as refusal:
        found = refusal
    if excess or isinstance(found, ContextLengthExceeded):
        found = (
            await _in_larger(prompt, model, counter, granted)
            or await _without_oldest(prompt, model, estimate, counted, counter)
            or found
        )
    if isinstance(found, ContextLengthExceeded):
        raise found
    return found


async def _in_larger(prompt: Prompt, model: VirtualModel, counter: Counter, granted: Granted) -> Windowed | None:
    """None when there is none, the caller may not use it, or it is too long there as well."""
    if not model.larger:
        return None
    try:
        found = await windowed(prompt, granted(model.larger), counter, granted)
    except Refusal:
        return None
    return replace(found, reasons=(f"context:larger:{model.larger}", *found.reasons))


async def _without_oldest(
    prompt: Prompt, model: VirtualModel, estimate: Estimate, counted: InputTokens | None, counter: Counter
) -> Windowed | None:
    """None when policy does not want it, or all that may be dropped does not suffice."""
    field = turns.field_of(prompt.endpoint)
    if not model.drops_oldest or not turns.turns(prompt.endpoint, prompt.document):
        return None
    tokens = guessed_message_tokens(prompt, field)
    if counted is not None:
        exact = await counter.count_messages(prompt, field, model.tokenizer)
        if exact is None:
            return None
        tokens = exact
    excess = _excess_tokens(prompt, model, estimate, counted)
    shortened = turns.without_oldest(prompt.endpoint, prompt.document, excess, tokens)
    if shortened is None:
        return None
    body = encode(shortened.document)
    prompt = with_attachments(requests.read_prompt(prompt.endpoint, body))
    if counted is not None:
        counted = await counter.count(prompt, model.tokenizer)
    found = _fitted(prompt, model, reserve.estimate(prompt, model.output_tokens_max), counted)
    reasons = ("context:dropped_turns",)
    return replace(found, body=body, dropped_turns=shortened.dropped_turns, reasons=reasons)


def _fitted(prompt: Prompt, model: VirtualModel, estimate: Estimate, counted: InputTokens | None) -> Windowed:
    """Where it fits as it is. Raises ContextLengthExceeded."""
    found = fit(model.deployments, model.context_tokens, _size(prompt, estimate, counted))
    input_tokens = min(estimate.input_tokens, counted.at_most) if counted else estimate.input_tokens
    estimate = Estimate(input_tokens, found.output_tokens * prompt.choices)
    return Windowed(replace(model, deployments=found.deployments), prompt, estimate, counted)


def _excess_tokens(prompt: Prompt, model: VirtualModel, estimate: Estimate, counted: InputTokens | None) -> int:
    """What is too much of a conversation; of a batch, whose inputs have a window each, only fit can say."""
    if not turns.field_of(prompt.endpoint):
        return 0
    return excess_tokens(model.deployments, model.context_tokens, _size(prompt, estimate, counted))


def _size(prompt: Prompt, estimate: Estimate, counted: InputTokens | None) -> Size:
    tokens = counted or guessed_tokens(prompt)
    output_tokens = estimate.output_tokens // prompt.choices
    is_limited = prompt.output_tokens_asked is not None
    return Size(
        input_at_least=tokens.at_least,
        input_at_most=min(estimate.input_tokens, tokens.at_most),
        output_tokens=output_tokens,
        output_tokens_least=output_tokens if is_limited else min(output_tokens, OUTPUT_TOKENS_USEFUL),
    )
