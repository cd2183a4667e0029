"""How a refusal is told to the caller, in the form of the dialect that was spoken."""

from __future__ import annotations

from gateway_ext.dialects import own_answers
from gateway_ext.errors import Refusal
from gateway_ext.exchange import Answer, Endpoint

_JSON = "application/json"


def refusal_answer(refusal: Refusal, path: str, exchange_id: str) -> Answer:
    """The answer to a request for `path`."""
    headers = [("content-type", _JSON), ("x-should-retry", "true" if refusal.http_status == 503 else "false")]
    if refusal.retry_after_seconds is not None:
        headers.append(("retry-after", str(refusal.retry_after_seconds)))
    if path.startswith(Endpoint.MESSAGES):
        headers.append(("request-id", exchange_id))  # where Anthropic's SDKs look for it
    body = own_answers.error_body(path, refusal, exchange_id)
    return Answer(refusal.http_status, body, refusal.code, exchange_id, tuple(headers))
