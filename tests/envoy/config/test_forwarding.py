"""What of a request reaches a provider, and by which way; on a real Envoy."""

from __future__ import annotations

import asyncio
import os

import httpx
import pytest

from gateway_ext.exchange import CredentialClass
from gateway_ext.local.certificates import CLIENT_URI
from tests.envoy.config.scripted import CHAT, Gateway

pytestmark = pytest.mark.envoy

SPOOFED = {
    "x-gateway-role": "upstream",
    "X-Gateway-Interface": "internal",
    "x_gateway_role": "upstream",
    "x-envoy-max-retries": "0",
    "x-envoy-upstream-rq-timeout-ms": "1",
    "x-envoy-attempt-count": "7",
    "x-request-id": "chosen-by-the-client",
}
IDENTIFYING = {
    "x-api-key": "the caller's",
    "cookie": "session=1",
    "x-forwarded-for": "203.0.113.7",
    "x-stainless-os": "Linux",
    "user-agent": "OpenAI/Python",
    "openai-organization": "org-1",
}


async def test_verdict_names_the_provider_and_its_credential_replaces_the_callers(gateway: Gateway) -> None:
    bearer = gateway.envoy.bearer()
    async with gateway.envoy.client() as client:
        response = await client.post(CHAT, headers=bearer | SPOOFED | IDENTIFYING, content=b'{"model":"assistant"}')
    assert response.status_code == 200
    (seen,) = gateway.primary.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.body == b'{"model":"assistant"}'
    assert seen.headers["authorization"] == "Bearer key-of-key-of-primary"
    assert seen.headers["host"] == f"127.0.0.1:{gateway.primary.port}"
    assert seen.headers["accept-encoding"] == "identity"
    assert set(seen.headers) == {
        "host", "accept", "accept-encoding", "authorization", "content-length", "user-agent", "x-request-id"
    }  # fmt: skip
    assert "chosen" not in seen.headers["x-request-id"]
    assert bearer["authorization"] not in str(seen.headers)


async def test_processor_is_told_interface_identity_and_peer_but_not_by_the_client(gateway: Gateway) -> None:
    async with gateway.envoy.client() as client:
        await client.post(CHAT + "?secret=1", headers=gateway.envoy.bearer() | SPOOFED, content=b"{}")
    (request,) = gateway.requests
    assert request.body == b"{}"
    assert request.metadata["x-gateway-interface"] == "public"
    assert "x-gateway-role" not in request.metadata
    assert not [name for name in request.headers if name.startswith("x-gateway") or "_" in name]
    assert "authorization" not in request.headers
    claims = request.first["metadata_context"]["filter_metadata"]["envoy.filters.http.jwt_authn"]
    assert claims["company"]["sub"] == "alice"
    attributes = request.attributes
    assert attributes["request.method"] == "POST"
    assert attributes["connection.mtls"] is False
    assert attributes["source.address"].startswith("127.0.0.1:")
    assert attributes["request.id"] == request.headers["x-request-id"]


async def test_fallback_gets_its_own_path_host_and_key_and_nothing_of_the_first(gateway: Gateway) -> None:
    gateway.primary.status = 503
    async with gateway.envoy.client() as client:
        response = await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
    assert response.status_code == 200
    assert [len(gateway.primary.seen), len(gateway.fallback.seen)] == [1, 1]
    seen = gateway.fallback.seen[0]
    assert seen.path == "/openai/v2/chat/completions"
    assert seen.headers["api-key"] == "key-of-key-of-fallback"
    assert seen.headers["host"] == f"127.0.0.1:{gateway.fallback.port}"
    assert "authorization" not in seen.headers
    assert not [name for name in seen.headers if name.startswith("x-envoy")]


async def test_first_attempt_costs_no_second_stream_and_a_fallback_one(gateway: Gateway) -> None:
    async with gateway.envoy.client() as client:
        await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
        assert gateway.processor.upstream_streams == []
        gateway.primary.status = 429
        await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
    (first,) = gateway.processor.upstream_streams
    attributes = first["attributes"]["envoy.filters.http.ext_proc"]
    assert attributes == {"xds.cluster_name": "fallback/assistant", "upstream.request_attempt_count": 2.0}
    assert first["metadata_context"]["filter_metadata"]["gw.plan"]["id"] == "exchange-1"


async def test_bodies_up_to_the_limit_reach_the_fallback_whole(gateway: Gateway) -> None:
    gateway.primary.status = 500
    body = b"x" * (31 * 1024 * 1024)
    async with gateway.envoy.client() as client:
        response = await client.post(CHAT, headers=gateway.envoy.bearer(), content=body)
    assert response.status_code == 200
    assert gateway.fallback.seen[0].body == body


async def test_provider_key_moved_into_place_is_used_without_a_restart(gateway: Gateway) -> None:
    secrets = gateway.envoy.layout.secrets
    (secrets / ".new").write_text("rotated")
    os.rename(secrets / ".new", secrets / "key-of-primary")
    async with gateway.envoy.client() as client:
        for _ in range(50):
            await client.post(CHAT, headers=gateway.envoy.bearer(), content=b"{}")
            if gateway.primary.seen[-1].headers["authorization"] == "Bearer rotated":
                return
            await asyncio.sleep(0.05)
    pytest.fail("the old key is still in use")


async def test_public_listener_speaks_http2_over_tls(gateway: Gateway) -> None:
    async with gateway.envoy.client("public", http2=True) as client:
        response = await client.post(CHAT, headers=gateway.envoy.bearer(CredentialClass.PERSONAL), content=b"{}")
    assert (response.status_code, response.http_version) == (200, "HTTP/2")
    assert response.headers["server"] == "gateway"


async def test_internal_listener_takes_services_with_a_client_certificate(gateway: Gateway) -> None:
    async with gateway.envoy.client("internal", certificate=True) as client:
        response = await client.post(CHAT, headers=gateway.envoy.bearer(CredentialClass.SERVICE), content=b"{}")
    assert response.status_code == 200
    (request,) = gateway.requests
    assert request.metadata["x-gateway-interface"] == "internal"
    attributes = request.attributes
    assert attributes["connection.mtls"] is True
    assert attributes["connection.uri_san_peer_certificate"] == CLIENT_URI


async def test_internal_listener_refuses_a_caller_without_a_certificate(gateway: Gateway) -> None:
    async with gateway.envoy.client("internal") as client:
        with pytest.raises(httpx.TransportError):
            await client.post(CHAT, headers=gateway.envoy.bearer(CredentialClass.SERVICE), content=b"{}")
    assert gateway.requests == []
