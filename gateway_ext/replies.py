"""What the pipeline tells Envoy: the request that may go on, or an answer of the gateway's own."""

from __future__ import annotations

from gateway_ext.dialects import own_answers, requests
from gateway_ext.errors import Refusal
from gateway_ext.exchange import Answer, Candidate, Endpoint, Estimate, Forward, Hold, Prompt
from gateway_ext.routing.rules import RoutingRules
from gateway_ext.verdict import Allow, Redact


def forward(
    prompt: Prompt,
    verdict: Allow | Redact,
    candidates: tuple[Candidate, ...],
    hold: Hold,
    estimate: Estimate,
    decoded: bytes | None,
) -> Forward:
    """What goes to the model. `decoded`: the body, if it came coded; it goes out as it was inspected, not as it came."""
    edits = verdict.edits if isinstance(verdict, Redact) else ()
    body = requests.rewrite(prompt, model=candidates[0].model, include_usage=prompt.is_stream, edits=edits)
    return Forward(
        body=body if body is not None else decoded,
        candidates=candidates,
        plan={
            "id": hold.id,  # a hold has the id of its exchange
            "hold": hold.id,
            "path": prompt.endpoint.value.removeprefix("/v1"),
            "input_tokens_max": estimate.input_tokens,
            "output_tokens_max": estimate.output_tokens,
        },
        drop_content_encoding=decoded is not None,
    )


def strips_usage(prompt: Prompt, rules: RoutingRules) -> bool:
    """Whether the chunk with the usage, which the caller did not ask for, is kept from the caller."""
    return prompt.is_stream and not prompt.asked_for_usage and rules.usage_chunk == "strip"


def refusal_answer(refusal: Refusal, path: str, exchange_id: str) -> Answer:
    """The answer that says why, as clients of `path` expect it."""
    worth_retrying = refusal.http_status == 503 and not refusal.is_lasting
    headers = [("content-type", "application/json"), ("x-should-retry", "true" if worth_retrying else "false")]
    if refusal.retry_after_seconds is not None:
        headers.append(("retry-after", str(refusal.retry_after_seconds)))
    if path.startswith(Endpoint.MESSAGES):
        headers.append(("request-id", exchange_id))  # where Anthropic's SDKs look for it
    body = own_answers.error_body(path, refusal, exchange_id)
    return Answer(refusal.http_status, body, refusal.code, exchange_id, tuple(headers))
