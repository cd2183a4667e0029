"""Everything that must not reach a provider, and in which words the caller is told; on a real Envoy."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from gateway_ext.envoyconf.validate import connection_managers
from gateway_ext.exchange import CredentialClass
from gateway_ext.wire import ext_proc_pb2
from tests.envoy.config.scripted import CHAT, Gateway, scripted_gateway
from tests.envoy.harness import EndStreamEarlyError, Stream, read_request

pytestmark = pytest.mark.envoy


def assert_refused(response: httpx.Response, http_status: int, code: str) -> None:
    """The response is OpenAI's error object and nothing of Envoy's inner life."""
    assert (response.status_code, response.headers["content-type"]) == (http_status, "application/json")
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert "{" not in error["message"]
    assert not [name for name in response.headers if name.startswith("x-envoy")]


def assert_nothing_sent(gateway: Gateway) -> None:
    assert (gateway.primary.seen, gateway.fallback.seen) == ([], [])


async def post(gateway: Gateway, **options: Any) -> httpx.Response:
    async with gateway.envoy.client() as client:
        response: httpx.Response = await client.post(
            CHAT, **{"headers": gateway.envoy.bearer(), "content": b"{}", **options}
        )
        return response


MESSAGES = "/v1/messages"
UPGRADE = {"upgrade": "websocket", "connection": "upgrade"}
# path, whether with a token, headers, size of the body → status, code, type
BELOW_MESSAGES: dict[str, tuple[str, bool, dict[str, str], int, tuple[int, str, str]]] = {
    "no_token": (MESSAGES, False, {}, 2, (401, "unauthenticated", "authentication_error")),
    "no_verdict": (MESSAGES, True, {}, 2, (503, "no_verdict", "api_error")),
    "large": (MESSAGES, True, {}, 33 * 1024 * 1024, (413, "body_too_large", "request_too_large")),
    "upgrade": (MESSAGES, True, UPGRADE, 2, (400, "upgrade_unsupported", "invalid_request_error")),
    "unknown": (f"{MESSAGES}/batches?a=b", True, {}, 2, (404, "endpoint_unknown", "not_found_error")),
}


@pytest.mark.parametrize("case", BELOW_MESSAGES)
async def test_refusals_below_messages_are_anthropics(gateway: Gateway, case: str) -> None:
    path, has_token, headers, size_bytes, expected = BELOW_MESSAGES[case]
    gateway.clusters = []
    if has_token:
        headers = headers | gateway.envoy.bearer()
    async with gateway.envoy.client() as client:
        response = await client.post(path, headers=headers, content=b"x" * size_bytes)
    body = response.json()
    assert (set(body), body["type"]) == ({"type", "error"}, "error")
    assert set(body["error"]) == {"type", "message", "param", "code"}
    assert (response.status_code, body["error"]["code"], body["error"]["type"]) == expected
    assert_nothing_sent(gateway)


async def test_refusal_of_what_is_no_request_is_whole_json(gateway: Gateway) -> None:
    """Without a path the formatter must not leave a hole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.envoy.ports.loopback)
    writer.write(b"NONSENSE\r\n\r\n")
    await writer.drain()
    head, _, body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
    writer.close()
    assert b"content-type: application/json" in head
    error = json.loads(body)["error"]
    assert (error["code"], error["type"]) == ("request_invalid", "invalid_request_error")


async def test_no_verdict_no_model(gateway: Gateway) -> None:
    gateway.clusters = []
    assert_refused(await post(gateway), 503, "no_verdict")
    assert_nothing_sent(gateway)


async def test_failing_processor(gateway: Gateway) -> None:
    async def abort(stream: Stream) -> None:
        await read_request(stream)
        await stream.call.abort(grpc.StatusCode.INTERNAL, "constant")

    gateway.processor.script = abort
    assert_refused(await post(gateway), 503, "gateway_unavailable")
    assert_nothing_sent(gateway)


async def test_processor_that_ends_the_stream_too_early(gateway: Gateway) -> None:
    """Envoy fails open here even with failure_mode_allow: false; the route to `deny` is what still holds."""

    async def end(stream: Stream) -> None:
        await read_request(stream)
        raise EndStreamEarlyError

    gateway.processor.script = end
    assert_refused(await post(gateway), 503, "no_verdict")
    assert_nothing_sent(gateway)


async def test_processor_away_and_health_says_so(gateway: Gateway) -> None:
    url = f"http://127.0.0.1:{gateway.envoy.ports.health}/healthz"
    async with httpx.AsyncClient() as client:
        assert (await client.get(url)).status_code == 200
        await gateway.processor.stop()
        assert_refused(await post(gateway), 503, "gateway_unavailable")
        assert_nothing_sent(gateway)
        deadline = time.monotonic() + 5
        while (await client.get(url)).status_code != 503:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


async def test_failing_processor_at_a_fallback(gateway: Gateway) -> None:
    async def abort(stream: Stream) -> None:
        await stream.call.abort(grpc.StatusCode.INTERNAL, "constant")

    gateway.processor.retarget = abort
    gateway.primary.status = 503
    assert_refused(await post(gateway), 503, "gateway_unavailable")
    assert gateway.fallback.seen == []


@pytest.mark.parametrize(
    "claims",
    [{"exp": 1}, {"iss": "https://elsewhere.example"}, {"aud": "another"}, {"exp": 4_102_444_800}, {"exp": None}],
    ids=["expired", "issuer", "audience", "lives_too_long", "lives_for_ever"],
)
async def test_tokens_that_do_not_verify(gateway: Gateway, claims: dict[str, Any]) -> None:
    assert_refused(await post(gateway, headers=gateway.envoy.bearer(**claims)), 401, "unauthenticated")
    assert gateway.requests == []


async def test_no_token_nor_one_in_the_query(gateway: Gateway) -> None:
    assert_refused(await post(gateway, headers={}), 401, "unauthenticated")
    token = gateway.envoy.bearer()["authorization"].removeprefix("Bearer ")
    assert_refused(await post(gateway, headers={}, params={"access_token": token}), 401, "unauthenticated")
    assert gateway.requests == []


async def test_each_interface_takes_its_own_credentials_only(gateway: Gateway) -> None:
    async with gateway.envoy.client("public") as public:
        service = await public.post(CHAT, headers=gateway.envoy.bearer(CredentialClass.SERVICE), content=b"{}")
    async with gateway.envoy.client("internal", certificate=True) as internal:
        personal = await internal.post(CHAT, headers=gateway.envoy.bearer(CredentialClass.PERSONAL), content=b"{}")
        company = await internal.post(CHAT, headers=gateway.envoy.bearer(CredentialClass.SSO), content=b"{}")
    for response in (service, personal, company):
        assert_refused(response, 401, "unauthenticated")
    assert gateway.requests == []


async def test_second_lock_holds_when_the_first_is_open(tmp_path: Path) -> None:
    """Were token verification made optional by mistake, rbac still demands the claims that only it can write."""

    def make_optional(config: dict[str, Any]) -> None:
        for _, manager in connection_managers(config):
            for each in manager["http_filters"]:
                if each["name"] == "envoy.filters.http.jwt_authn":
                    each["typed_config"]["rules"] = []

    async with scripted_gateway(tmp_path, change=make_optional) as gateway:
        assert_refused(await post(gateway, headers={}), 401, "unauthenticated")
        assert_refused(await post(gateway), 401, "unauthenticated")
        assert gateway.requests == []


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/files", "/v1/chat/completions/extra", "/V1/chat/completions"])
async def test_unknown_endpoints(gateway: Gateway, path: str) -> None:
    async with gateway.envoy.client() as client:
        response = await client.post(path, headers=gateway.envoy.bearer(), content=b"{}")
    assert_refused(response, 404, "endpoint_unknown")
    assert_nothing_sent(gateway)


async def test_paths_that_hide_a_slash(gateway: Gateway) -> None:
    async with gateway.envoy.client() as client:
        hidden = await client.post("/v1%2Fchat%2Fcompletions", headers=gateway.envoy.bearer(), content=b"{}")
        doubled = await client.post("/v1//chat/./completions", headers=gateway.envoy.bearer(), content=b"{}")
    assert_refused(hidden, 400, "request_invalid")
    assert doubled.status_code == 200  # normalised before the route is picked and the processor told


@pytest.mark.parametrize("is_chunked", [False, True], ids=["declared", "chunked"])
async def test_bodies_above_the_limit(gateway: Gateway, is_chunked: bool) -> None:
    megabyte = b"x" * (1024 * 1024)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(33):
            yield megabyte

    response = await post(gateway, content=chunks() if is_chunked else megabyte * 33)
    assert_refused(response, 413, "body_too_large")
    assert_nothing_sent(gateway)


async def test_answer_of_the_processor_passes_as_it_is_and_its_metadata_is_logged(gateway: Gateway) -> None:
    async def answer(stream: Stream) -> None:
        await read_request(stream)
        value = ext_proc_pb2.HeaderValue(key="content-type", raw_value=b"application/json")
        headers = ext_proc_pb2.HeaderMutation(set_headers=[ext_proc_pb2.HeaderValueOption(header=value)])
        immediate = ext_proc_pb2.ImmediateResponse(
            status=ext_proc_pb2.HttpStatus(code=429),
            headers=headers,
            body=b'{"error":{"code":"budget_exhausted"}}',
            details="gateway_ext_budget_exhausted",
        )
        response = ext_proc_pb2.ProcessingResponse(immediate_response=immediate)
        response.dynamic_metadata.update({"gw.plan": {"id": "refused-1"}})
        await stream.call.write(response)

    gateway.processor.script = answer
    response = await post(gateway)
    assert response.status_code == 429
    assert response.content == b'{"error":{"code":"budget_exhausted"}}'
    assert response.headers["content-type"] == "application/json"
    entry = await gateway.processor.entry()
    assert entry.response.response_code_details == "gateway_ext_budget_exhausted"
    assert entry.common_properties.metadata.filter_metadata["gw.plan"]["id"] == "refused-1"
    assert_nothing_sent(gateway)


async def test_provider_that_cannot_be_reached(gateway: Gateway) -> None:
    await gateway.primary.stop()
    await gateway.fallback.stop()
    assert_refused(await post(gateway), 503, "provider_unavailable")


async def test_provider_without_a_usable_key(gateway: Gateway) -> None:
    gateway.clusters = ["primary/assistant"]
    secrets = gateway.envoy.layout.secrets
    (secrets / ".new").write_text("")
    (secrets / ".new").rename(secrets / "key-of-primary")
    deadline = time.monotonic() + 5
    while (response := await post(gateway)).status_code == 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert_refused(response, 503, "provider_credential_missing")


async def test_response_too_large_to_be_metered(gateway: Gateway) -> None:
    gateway.primary.body = b'"' + b"x" * (33 * 1024 * 1024) + b'"'
    assert_refused(await post(gateway), 502, "provider_response_too_large")
