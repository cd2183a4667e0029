"""What callers get: an answer of the gateway's own, or how much of the provider's."""

from __future__ import annotations

from collections.abc import Sequence

from gateway_ext.budget.rules import BudgetRules
from gateway_ext.dialects import own_answers
from gateway_ext.dialects.rate_limits import rate_limit_fields
from gateway_ext.errors import RateLimited, Refusal
from gateway_ext.exchange import Answer, Dialect, Endpoint, Estimate, Prompt
from gateway_ext.quota import Quota
from gateway_ext.routing.rules import RoutingRules

RETRY_AFTER_SECONDS_HEEDED = 60  # SDKs wait no longer than that, but try again at once
EVENTS_WITHOUT_OUTPUT = 4  # of a choice: its role, its end, content filters


def output_events_max(prompt: Prompt, estimate: Estimate, rules: BudgetRules) -> int | None:
    """After how many events with output a stream is ended, because its provider passes over the limit it was told."""
    if not (rules.cuts_over_hold and prompt.is_stream):
        return None
    return estimate.output_tokens + EVENTS_WITHOUT_OUTPUT * prompt.choices


def strips_usage(prompt: Prompt, rules: RoutingRules) -> bool:
    """Whether the chunk with the usage, which the caller did not ask for, is kept from the caller."""
    return prompt.is_stream and not prompt.asked_for_usage and rules.usage_chunk == "strip"


def count_answer(input_tokens: int, quotas: Sequence[Quota], exchange_id: str) -> Answer:
    """How many tokens a request has, as clients of Anthropic's dialect expect it; with what is left of quotas."""
    headers = [("content-type", "application/json"), ("request-id", exchange_id)]
    headers += rate_limit_fields(Dialect.ANTHROPIC, quotas).items()
    return Answer(200, own_answers.token_count(input_tokens), "token_count", exchange_id, tuple(headers))


def _worth_retrying(refusal: Refusal) -> bool:
    if isinstance(refusal, RateLimited):
        return refusal.retry_after_seconds is not None and refusal.retry_after_seconds <= RETRY_AFTER_SECONDS_HEEDED
    return refusal.http_status == 503 and not refusal.is_lasting


def refusal_answer(refusal: Refusal, path: str, exchange_id: str) -> Answer:
    """The answer that says why, as clients of `path` expect it."""
    is_messages = path.startswith(Endpoint.MESSAGES)
    worth_retrying = _worth_retrying(refusal)
    headers = [("content-type", "application/json"), ("x-should-retry", "true" if worth_retrying else "false")]
    if refusal.retry_after_seconds is not None:
        headers.append(("retry-after", str(refusal.retry_after_seconds)))
    if isinstance(refusal, RateLimited):
        headers += rate_limit_fields(Dialect.ANTHROPIC if is_messages else Dialect.OPENAI, refusal.quotas).items()
    if is_messages:
        headers.append(("request-id", exchange_id))  # where Anthropic's SDKs look for it
    body = own_answers.error_body(path, refusal, exchange_id)
    return Answer(refusal.http_status, body, refusal.code, exchange_id, tuple(headers))
