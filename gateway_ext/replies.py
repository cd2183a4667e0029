"""What the pipeline tells Envoy: the request that may go on, or an answer of the gateway's own."""

from __future__ import annotations

from gateway_ext.budget.fitting import Fitted
from gateway_ext.budget.rules import BudgetRules
from gateway_ext.dialects import output_limits, own_answers, requests
from gateway_ext.dialects.rate_limits import rate_limit_fields
from gateway_ext.errors import RateLimited, Refusal
from gateway_ext.exchange import Answer, Candidate, Dialect, Endpoint, Estimate, Forward, Prompt
from gateway_ext.routing.rules import RoutingRules, VirtualModel
from gateway_ext.verdict import Allow, Redact

RETRY_AFTER_SECONDS_HEEDED = 60  # SDKs wait no longer than that, but try again at once
EVENTS_WITHOUT_OUTPUT = 4  # of a choice: its role, its end, content filters


def forward(
    prompt: Prompt,
    verdict: Allow | Redact,
    candidates: tuple[Candidate, ...],
    fitted: Fitted,
    model: VirtualModel,
    decoded: bytes | None,
) -> Forward:
    """What goes to the model. `decoded`: the body, if it came coded; it goes out as it was inspected, not as it came.

    It always says how long the answer may be: what is held is of no use if the provider does not know.
    """
    hold, estimate = fitted.hold, fitted.estimate
    body = requests.rewrite(
        prompt,
        model=candidates[0].model,
        include_usage=prompt.is_stream,
        edits=verdict.edits if isinstance(verdict, Redact) else (),
        fields=output_limits.changes(prompt, estimate.output_tokens // prompt.choices, model.output_tokens_field),
    )
    return Forward(
        body=body if body is not None else decoded,
        candidates=candidates,
        plan={
            "id": hold.id,  # a hold has the id of its exchange
            "hold": hold.id,
            "path": prompt.endpoint.value.removeprefix("/v1"),
            "input_tokens_max": estimate.input_tokens,
            "output_tokens_max": estimate.output_tokens,
            **({"output_cap": str(fitted.output_cap)} if fitted.output_cap else {}),
            **({"degraded_from": prompt.model} if model.name != prompt.model else {}),
            **({"limits": rate_limit_fields(prompt.endpoint.dialect, hold.quotas)} if hold.quotas else {}),
        },
        drop_content_encoding=decoded is not None,
    )


def output_events_max(prompt: Prompt, estimate: Estimate, rules: BudgetRules) -> int | None:
    """After how many events with output a stream is ended, because its provider passes over the limit it was told."""
    if not (rules.cuts_over_hold and prompt.is_stream):
        return None
    return estimate.output_tokens + EVENTS_WITHOUT_OUTPUT * prompt.choices


def strips_usage(prompt: Prompt, rules: RoutingRules) -> bool:
    """Whether the chunk with the usage, which the caller did not ask for, is kept from the caller."""
    return prompt.is_stream and not prompt.asked_for_usage and rules.usage_chunk == "strip"


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
