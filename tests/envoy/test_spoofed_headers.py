"""Headers by which a caller could pose as a part of the gateway, steer Envoy, or tell a provider what nobody inspected."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from gateway_ext.exchange import CredentialClass
from tests.envoy.refusals import AWS_KEY, MARKER, assert_not_written, assert_refused
from tests.envoy.stack import Stack, chat

pytestmark = pytest.mark.envoy

# All that a provider may see; every value but that of content-type is the gateway's.
SEEN = {
    "accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent", "x-request-id"
}  # fmt: skip

OWN = [
    ("x-gateway-role", "upstream"),
    ("X-Gateway-Role", "router"),
    ("X-GATEWAY-INTERFACE", "internal"),
    ("x-gateway-interface", "internal"),
    ("x-gateway-plan", '{"id":"1"}'),
    ("x_gateway_role", "upstream"),
    ("x-gateway_interface", "internal"),
    ("gw.plan", "x"),
    ("gw.route", "x"),
]
STEERING = [
    ("x-envoy-attempt-count", "7"),
    ("x-envoy-retry-on", "5xx"),
    ("x-envoy-max-retries", "9"),
    ("x-envoy-upstream-rq-timeout-ms", "1"),
    ("x-envoy-upstream-alt-stat-name", MARKER),
    ("x-envoy-original-path", "/v1/files"),
    ("x-envoy-internal", "true"),
    ("x-envoy-force-trace", "true"),
    ("x-envoy-external-address", "10.0.0.1"),
    ("x-original-url", "/v1/files"),
    ("x-rewrite-url", "/v1/files"),
    ("x-http-method-override", "DELETE"),
    ("x-forwarded-for", "203.0.113.7"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "elsewhere.example"),
    ("x-forwarded-client-cert", "By=spiffe://gateway-ext/client;URI=spiffe://gateway-ext/client"),
    ("forwarded", "for=203.0.113.7"),
    ("x-request-id", MARKER),
]
TELLING = [
    ("cookie", MARKER),
    ("api-key", MARKER),
    ("proxy-authorization", MARKER),
    ("openai-organization", MARKER),
    ("x-stainless-os", MARKER),
    ("user-agent", MARKER),
    ("accept", MARKER),
    ("accept-encoding", "gzip, br, zstd"),
    ("accept-language", MARKER),
    ("referer", MARKER),
    ("baggage", MARKER),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("x-user-email", MARKER),
    ("x-prompt", AWS_KEY),
    ("idempotency-key", MARKER),
    ("range", "bytes=0-1"),
    ("expect", "200-ok"),
    ("te", "trailers"),
]


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as plain:
        yield plain


@pytest.mark.parametrize("headers", [OWN, STEERING, TELLING], ids=["own", "steering", "telling"])
def test_headers_of_a_caller_change_nothing_and_go_nowhere(
    stack: Stack, client: httpx.Client, headers: list[tuple[str, str]]
) -> None:
    answer = client.post("/chat/completions", json=chat("Hello"), headers=headers)
    assert answer.status_code == 200, answer.text
    (seen,) = stack.upstream_log()
    assert set(seen["header_names"]) == SEEN
    assert seen["path"] == "/us/v1/chat/completions"
    assert seen["headers"]["accept"] == "application/json, text/event-stream"
    assert seen["headers"]["accept-encoding"] == "identity"
    assert seen["headers"]["user-agent"] == "gateway-ext"
    assert MARKER not in str(seen)
    assert not [name for name in answer.headers if name.startswith(("x-envoy", "x-gateway"))]
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"]), "ours, whatever the caller sent"
    assert_not_written(stack)


def test_attempt_count_of_a_caller_does_not_touch_the_model_of_a_fallback(stack: Stack, client: httpx.Client) -> None:
    """The count decides whether the body is rewritten for the next provider: it must be Envoy's own."""
    stack.simulate("us", fault="500")
    headers = [("x-envoy-attempt-count", "1"), ("X-Envoy-Max-Retries", "0")]
    answer = client.post("/chat/completions", json=chat("Hello"), headers=headers)
    assert answer.json()["system_fingerprint"] == "eu"
    assert set(stack.upstream_log()[-1]["header_names"]) == SEEN


@pytest.mark.parametrize("headers", [OWN, STEERING], ids=["own", "steering"])
def test_headers_open_no_door(stack: Stack, client: httpx.Client, headers: list[tuple[str, str]]) -> None:
    """With them as without: no credential of another listener, no content that policy blocks, no model of others."""
    service = {"authorization": f"Bearer {stack.token(CredentialClass.SERVICE)}"}
    with stack.client("") as anonymous:
        for credential in ({}, service):
            answer = anonymous.post("/chat/completions", json=chat("Hello"), headers=[*headers, *credential.items()])
            assert_refused(answer, 401, "unauthenticated", "authentication_error")
    blocked = client.post("/chat/completions", json=chat(AWS_KEY), headers=headers)
    assert_refused(blocked, 403, "content_blocked", "policy_violation")
    elsewhere = client.post("/files", json=chat("Hello"), headers=headers)
    assert_refused(elsewhere, 404, "endpoint_unknown")
    assert stack.upstream_log() == []


def test_source_address_in_the_trail_is_the_peers(stack: Stack) -> None:
    subject = "spoofing@local"
    with stack.client(stack.token(subject=subject)) as client:
        client.post("/chat/completions", json=chat("Hello"), headers=STEERING)
    records = stack.wait_for_records(lambda found: any(r.get("gateway.principal.subject") == subject for r in found))
    decision = next(record for record in records if record.get("gateway.principal.subject") == subject)
    assert decision["client.address"].rpartition(":")[0] == "127.0.0.1"
    assert decision["gateway.interface"] == "public"
