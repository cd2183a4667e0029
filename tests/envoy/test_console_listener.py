"""Envoy's listener `console` before a control process that remembers what reaches it: who may pass, and with which claims."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway_ext.exchange import CredentialClass
from tests.envoy.forged_tokens import Forge
from tests.envoy.harness import Envoy, FakeProcessor, Stream, prepare_state, running_envoy
from tests.envoy.snapshots import provider, snapshot_of
from tests.envoy.token_corpus import bearer, corpus

pytestmark = [pytest.mark.envoy, pytest.mark.asyncio(loop_scope="module")]
CLAIMS = "x-gateway-claims-company"
AUDIENCE = "gateway-control"
PROBLEM = "application/problem+json"


@dataclass(slots=True)
class Console:
    """Answers each request with 200 on the control process's socket, and keeps its fields and its body."""

    seen: list[tuple[str, list[tuple[str, str]], bytes]] = field(default_factory=list)
    server: asyncio.Server | None = None
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def start(self, path: Path) -> None:
        self.server = await asyncio.start_unix_server(self._serve, path)

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None
        for writer in self.writers:
            writer.close()
        self.writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                fields = [(name, value) for name, _, value in (each.partition(": ") for each in rest if each)]
                body = await reader.readexactly(int(dict(fields).get("content-length", "0")))
                self.seen.append((line, fields, body))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()


@dataclass(slots=True)
class World:
    envoy: Envoy
    console: Console
    forge: Forge
    stranger: str

    def token(self, **claims: Any) -> str:
        return self.forge.token(**claims)


async def nobody(_: Stream) -> None:
    raise AssertionError("the processor has no part in this")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    layout, tokens = prepare_state(tmp_path_factory.mktemp("console"), snapshot_of(provider("a")))
    processor, console = FakeProcessor(nobody), Console()
    await processor.start(layout.processor_socket(0))
    await console.start(layout.console_socket)
    forge = Forge(layout, CredentialClass.SSO)
    forge.issuer = dataclasses.replace(forge.issuer, audience=AUDIENCE)
    try:
        async with running_envoy(layout, tokens) as envoy:
            yield World(envoy, console, forge, tokens.mint(CredentialClass.PERSONAL, "alice", "research"))
    finally:
        await console.stop()
        await processor.stop()


@pytest.fixture(autouse=True)
def fresh(world: World) -> None:
    world.console.seen.clear()


def only(fields: list[tuple[str, str]], name: str) -> list[str]:
    return [value for each, value in fields if each.lower() == name]


async def refused(world: World, headers: list[tuple[str, str]], status: int = 401, path: str = "/api/v1/me") -> Any:
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    async with world.envoy.client("console") as client:
        answer = await client.get(path, headers=encoded)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), answer.text
    assert world.console.seen == []
    document = answer.json()
    assert document["status"] == status
    assert not [name for name in answer.headers if name.startswith(("x-envoy", "x-gateway"))]
    return document


async def test_a_token_becomes_its_claims_and_goes_no_further(world: World) -> None:
    async with world.envoy.client("console") as client:
        answer = await client.get("/api/v1/me?page=2", headers=dict(bearer(world.token(sub="ada@local"))))
    assert answer.status_code == 200
    ((line, fields, _),) = world.console.seen
    assert line == "GET /api/v1/me?page=2 HTTP/1.1"
    assert only(fields, "authorization") == []
    (claims,) = only(fields, CLAIMS)
    read = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert (read["sub"], read["aud"], read["iss"]) == ("ada@local", AUDIENCE, "https://idp.local")


async def test_a_browser_passes_with_its_cookies_and_no_claims(world: World) -> None:
    async with world.envoy.client("console", http2=True) as client:
        answer = await client.get("/", headers={"cookie": "gateway-session=abc"})
    assert answer.status_code == 200
    ((_, fields, _),) = world.console.seen
    assert only(fields, "cookie") == ["gateway-session=abc"]
    assert not [name for name, _ in fields if name.startswith("x-gateway")]


FORGED = base64.urlsafe_b64encode(json.dumps({"sub": "grace@local"}).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "name",
    [CLAIMS, "X-Gateway-Claims-Company", "x-gateway-claims-personal", "x-gateway-claims-", "x_gateway_claims_company"],
)
@pytest.mark.parametrize("http2", [False, True])
async def test_claims_of_a_client_reach_nobody(world: World, name: str, http2: bool) -> None:
    headers = [(name.lower() if http2 else name, FORGED)]
    async with world.envoy.client("console", http2=http2) as client:
        assert (await client.get("/api/v1/me", headers=headers)).status_code == 200
        assert (await client.get("/api/v1/me", headers=[*headers, *bearer(world.token())])).status_code == 200
    (_, without, _), (_, beside, _) = world.console.seen
    assert FORGED not in str(without) + str(beside)
    assert not [name for name, _ in without if "gateway" in name]
    assert [name for name, _ in beside if "gateway" in name] == [CLAIMS]


async def test_every_known_attack_on_tokens_has_one_answer(world: World) -> None:
    cases = corpus(world.forge, world.stranger)
    for name in ("issuer_of_another_key", "iss_look_alike"):  # of this issuer's name they make a good token
        del cases[name]
    # What carries no token as far as Envoy knows is a browser's request: the control process finds no session there.
    harmless = {"nothing", "cookie", "proxy_authorization", "own_header"}
    async with world.envoy.client("console") as client:
        answers = {}
        for name, headers in cases.items():
            encoded = [(field.encode(), value.encode()) for field, value in headers]
            answers[name] = await client.get("/", headers=encoded)
    assert len(answers) > 100
    assert {name for name, answer in answers.items() if answer.status_code != 401} == harmless
    texts = {answer.text for answer in answers.values() if answer.status_code == 401}
    assert len(texts) == 1
    assert json.loads(texts.pop())["type"] == "urn:gateway-ext:problem:unauthenticated"
    assert not [name for _, fields, _ in world.console.seen for name, _ in fields if name.startswith("x-gateway")]


async def test_tokens_for_callers_of_models_are_not_for_the_console(world: World) -> None:
    for token in (
        world.token(aud="llm-gateway"),
        world.token(aud="gateway-ext"),
        world.token(aud=["llm-gateway"]),
        world.stranger,
        world.envoy.tokens.mint(CredentialClass.SERVICE, "batch", "platform", aud=AUDIENCE),
        world.envoy.tokens.mint(CredentialClass.PERSONAL, "alice", "research", aud=AUDIENCE),
    ):
        await refused(world, bearer(token))


async def test_a_token_in_the_address_is_none(world: World) -> None:
    async with world.envoy.client("console") as client:
        assert (await client.get(f"/?access_token={world.token()}")).status_code == 200
    ((_, fields, _),) = world.console.seen
    assert only(fields, CLAIMS) == []


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_bodies_up_to_64_kib_and_whole(world: World, is_chunked: bool) -> None:
    async def pieces(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 1024):
            yield b"x" * 1024

    async with world.envoy.client("console") as client:
        small = await client.post("/", content=pieces(32 * 1024) if is_chunked else b"x" * 32 * 1024)
        large = await client.post("/", content=pieces(128 * 1024) if is_chunked else b"x" * 128 * 1024)
    assert (small.status_code, large.status_code) == (200, 413)
    assert large.json()["type"] == "urn:gateway-ext:problem:content-too-large"
    ((_, fields, body),) = world.console.seen
    assert len(body) == 32 * 1024
    assert only(fields, "content-length") == [str(32 * 1024)]
    assert only(fields, "transfer-encoding") == []


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
FRAMINGS = {
    "length_and_chunks": b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two_lengths": b"content-length: 0\r\ncontent-length: %d\r\n\r\n" % len(SMUGGLED),
    "coding_twice": b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "unknown_coding": b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "blank_before_the_colon": b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded": b"x: 1\r\n y: 2\r\n\r\n",
    "line_feed_in_a_chunk": b"transfer-encoding: chunked\r\n\r\n0\n\n",
    "upgrade": b"connection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "upgrade_to_h2c": b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQ\r\n\r\n",
}


@pytest.mark.parametrize("case", FRAMINGS)
async def test_no_second_request_hides_behind_the_first(world: World, case: str) -> None:
    """Whatever becomes of the first one: what is behind it is refused, or seen by the same rules."""
    head = b"POST /first HTTP/1.1\r\nhost: x\r\nx-gateway-claims-company: forged\r\n"
    reader, writer = await asyncio.open_connection("localhost", world.envoy.ports.console, ssl=_tls(world))
    writer.write(head + FRAMINGS[case] + SMUGGLED.replace(b"host: x", b"host: x\r\nx-gateway-claims-company: forged"))
    with suppress(asyncio.TimeoutError, ConnectionError):
        await asyncio.wait_for(reader.read(), 1.5)
    writer.close()
    assert "forged" not in str(world.console.seen)
    assert not [line for line, _, body in world.console.seen if b"smuggled" in body]


async def test_escaped_slashes_and_dots_do_not_reach_it(world: World) -> None:
    async with world.envoy.client("console") as client:
        escaped = await client.get("/login%2Fcallback")
        assert (escaped.status_code, escaped.headers["content-type"]) == (400, PROBLEM)
        assert escaped.json()["type"] == "urn:gateway-ext:problem:malformed"
        assert (await client.get("/login/../api//v1/me")).status_code == 200
    assert [line.split()[1] for line, _, _ in world.console.seen] == ["/api/v1/me"]


async def test_it_leads_to_no_model_and_nothing_else_leads_to_it(world: World) -> None:
    async with world.envoy.client("console") as client:
        await client.post("/v1/chat/completions", json={}, headers=dict(bearer(world.token())))
    assert [line for line, _, _ in world.console.seen] == ["POST /v1/chat/completions HTTP/1.1"]
    world.console.seen.clear()
    for listener in ("public", "loopback"):
        async with world.envoy.client(listener) as client:
            assert (await client.get("/api/v1/me", headers=dict(bearer(world.token())))).status_code == 401
    assert world.console.seen == []


async def test_without_a_control_process_the_answer_says_so(world: World) -> None:
    socket = world.envoy.layout.console_socket
    await world.console.stop()
    hidden = socket.rename(socket.with_suffix(".away"))
    try:
        async with world.envoy.client("console") as client:
            answer = await client.get("/")
    finally:
        hidden.unlink()
        await world.console.start(socket)
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert answer.json()["type"] == "urn:gateway-ext:problem:unavailable"
    assert answer.headers["retry-after"] == "1"
    async with world.envoy.client("console") as client:
        assert (await client.get("/")).status_code == 200


def _tls(world: World) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=world.envoy.layout.certs / "ca.pem")
