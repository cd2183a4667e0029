"""Faults on demand: what a client of a misbehaving deployment sees, and what the simulator notes down."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway_ext.simulator.faults import Behaviours, Fault, InvalidControlError, malformed
from gateway_ext.simulator.server import Simulator, SimulatorOptions

CHAT = "/us/v1/chat/completions"
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "one two three four"}]}
STREAM = {**HELLO, "stream": True, "stream_options": {"include_usage": True}}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with (
        Simulator(SimulatorOptions(keeps_bodies=True)) as simulator,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{simulator.port}", timeout=5) as http,
    ):
        yield http


async def tell(http: httpx.AsyncClient, **control: Any) -> None:
    answer = await http.post("/_control", json={"deployment": "us", **control})
    assert answer.status_code == 200, answer.text


async def log(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    requests = (await http.get("/_control/log")).json()["requests"]
    assert isinstance(requests, list)
    return requests


async def ended(http: httpx.AsyncClient) -> str:
    """How the last request ended, as soon as it has."""
    for _ in range(200):
        if (how := (await log(http))[-1]["ended"]) != "running":
            return str(how)
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_errors_last_for_the_told_number_of_requests(http: httpx.AsyncClient) -> None:
    await tell(http, fault="429", count=2)
    statuses = [(await http.post(CHAT, json=HELLO)).status_code for _ in range(3)]
    assert statuses == [429, 429, 200]
    await tell(http, fault="500")
    assert (await http.post(CHAT, json=HELLO)).status_code == 500
    assert (await http.post("/eu/v1/chat/completions", json=HELLO)).status_code == 200


@pytest.mark.parametrize(
    ("endpoint", "kind"), [("/chat/completions", "server_error"), ("/messages", "overloaded_error")]
)
async def test_an_overloaded_deployment_says_so_in_each_dialect(
    http: httpx.AsyncClient, endpoint: str, kind: str
) -> None:
    await tell(http, fault="529")
    refused = await http.post(f"/us/v1{endpoint}", json=HELLO, headers={"anthropic-version": "2023-06-01"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (529, kind)


async def test_a_429_says_when_to_try_again(http: httpx.AsyncClient) -> None:
    await tell(http, fault="429")
    refused = await http.post(CHAT, json=HELLO)
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"


async def test_a_hanging_request_ends_when_the_client_leaves(http: httpx.AsyncClient) -> None:
    await tell(http, fault="hang")
    with pytest.raises(httpx.ReadTimeout):
        await http.post(CHAT, json=HELLO, timeout=0.1)
    assert await ended(http) == "client_gone"
    assert (await http.get("/_control")).json()["deployments"]["us"]["client_disconnects"] == 1


async def test_reset_cuts_before_the_first_byte(http: httpx.AsyncClient) -> None:
    await tell(http, fault="reset")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await http.post(CHAT, json=HELLO)
    assert await ended(http) == "cut"


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_half_an_answer_is_cut_after_some_bytes(http: httpx.AsyncClient, body: dict[str, Any]) -> None:
    await tell(http, fault="half_stream")
    seen: list[bytes] = []

    async def read() -> None:
        async with http.stream("POST", CHAT, json=body) as answer:
            async for part in answer.aiter_raw():
                seen.append(part)  # noqa: PERF401  (a comprehension would lose the parts before the cut)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await read()
    assert b"chatcmpl" in b"".join(seen)
    assert b"[DONE]" not in b"".join(seen)
    assert await ended(http) == "cut"


async def test_a_malformed_stream_ends_without_done_and_has_broken_json(http: httpx.AsyncClient) -> None:
    await tell(http, fault="malformed_sse")
    body = (await http.post(CHAT, json=STREAM)).text
    assert "[DONE]" not in body
    assert '"choices": [\n\n' in body
    assert "\r\n" in body
    with pytest.raises(json.JSONDecodeError):
        (await http.post(CHAT, json=HELLO)).json()


async def test_no_usage(http: httpx.AsyncClient) -> None:
    await tell(http, fault="no_usage")
    assert "usage" not in (await http.post(CHAT, json=HELLO)).json()
    stream = (await http.post(CHAT, json=STREAM)).text
    assert "prompt_tokens" not in stream
    assert stream.endswith("data: [DONE]\n\n")


async def test_a_client_that_leaves_a_slow_stream_stops_it_at_once(http: httpx.AsyncClient) -> None:
    await tell(http, fault="slow")
    async with http.stream("POST", CHAT, json=STREAM) as answer:
        await anext(answer.aiter_lines())
    assert await ended(http) == "client_gone"
    assert (await log(http))[-1]["frames_sent"] == 1


async def test_speed_is_kept(http: httpx.AsyncClient) -> None:
    await tell(http, tokens_per_second=50)
    began = asyncio.get_running_loop().time()
    await http.post(CHAT, json=HELLO)  # six tokens of output
    assert asyncio.get_running_loop().time() - began >= 6 / 50


async def test_the_log_tells_what_came_but_no_header_values_it_should_not(http: httpx.AsyncClient) -> None:
    await http.post(CHAT, json=HELLO, headers={"authorization": "Bearer sk-secret", "x-gateway-user": "eve"})
    entry = (await log(http))[0]
    assert (entry["order"], entry["deployment"], entry["method"], entry["path"]) == (1, "us", "POST", CHAT)
    assert {"authorization", "x-gateway-user"} <= set(entry["header_names"])
    assert json.loads(entry["body"]) == HELLO
    assert "sk-secret" not in json.dumps(entry)
    await http.delete("/_control/log")
    assert await log(http) == []


async def test_bodies_are_not_kept_unless_asked() -> None:
    async with (
        Simulator(SimulatorOptions()) as simulator,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{simulator.port}") as http,
    ):
        await http.post(CHAT, json=HELLO)
        entry = (await log(http))[0]
    assert entry["body"] is None
    assert len(entry["body_sha256"]) == 64


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"deployment": "us", "fault": "none"},
        {"deployment": "us", "fualt": "429"},
        {"deployment": "us", "fault": "429", "count": 0},
        {"deployment": "us", "tokens_per_second": -1},
        {"deployment": "us", "token_characters": -1},
        {"deployment": "us", "token_characters": 1.5},
        {"deployment": "us", "tokens_per_second": float("nan")},
    ],
)
def test_wrong_control_documents_change_nothing(document: Any) -> None:
    behaviours = Behaviours()
    with pytest.raises(InvalidControlError):
        behaviours.apply(document)
    assert behaviours.of("us") == behaviours.default


async def test_the_control_endpoint_refuses_what_a_web_page_could_send(http: httpx.AsyncClient) -> None:
    assert (await http.post("/_control", content='{"deployment":"us"}')).status_code == 415
    refused = await http.post("/_control", json={"deployment": "us", "fault": "x"})
    assert refused.status_code == 400
    assert "429" in refused.json()["error"]["message"]  # names what is known


def test_speed_outlives_a_fault() -> None:
    behaviours = Behaviours()
    behaviours.apply({"deployment": "us", "tokens_per_second": 5, "token_characters": 3})
    behaviours.apply({"deployment": "us", "fault": "429", "count": 1})
    assert behaviours.take("us").fault is Fault.TOO_MANY_REQUESTS
    assert behaviours.take("us").fault is None
    assert (behaviours.of("us").tokens_per_second, behaviours.of("us").token_characters) == (5, 3)


def test_malformed_keeps_every_event_but_the_end() -> None:
    frames = [b'data: {"a":1}\n\n', b'data: {"a":2}\n\n', b"data: [DONE]\n\n"]
    joined = b"".join(malformed(frames))
    assert b'{"a":1}' in joined
    assert b'{"a":2}' in joined
    assert b"[DONE]" not in joined
