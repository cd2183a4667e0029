"""A real Envoy between a processor that breaks on demand and a provider that counts every byte it is sent."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx

from gateway_ext.policy.loader import load_policy
from tests.envoy.faulty_processor import serve
from tests.envoy.harness import Envoy, prepare_state, running_envoy

PROJECT = Path(__file__).parents[2]
CHAT = "/v1/chat/completions"
MESSAGE_TIMEOUT = "0.8s"
EVENTS = 12
EVENT_PAUSE_SECONDS = 0.03
USAGE = {"prompt_tokens": 3, "completion_tokens": EVENTS, "total_tokens": 3 + EVENTS}


def _event(number: int) -> bytes:
    choice = {"index": 0, "delta": {"content": f"word-{number} "}, "finish_reason": None}
    return b"data: " + json.dumps({"id": "1", "choices": [choice], "model": "assistant"}).encode() + b"\n\n"


STREAM = [*(_event(number) for number in range(EVENTS)), b"data: [DONE]\n\n"]
DOCUMENT = json.dumps({"id": "1", "choices": [{"message": {"content": "word " * 20}}], "usage": USAGE}).encode()


class WatchingProvider:
    """Answers a stream when asked for one, else a document. `body_bytes` counts what came after the heads."""

    def __init__(self) -> None:
        self.body_bytes = 0
        self.answers = 0  # that have begun
        self.pause_seconds = EVENT_PAUSE_SECONDS  # between the events of streams that begin from now on
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> WatchingProvider:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        serving = list(self._connections)
        for writer in self._connections.values():
            writer.close()
        await asyncio.gather(*serving, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
                body = b""
                while len(body) < length and (part := await reader.read(length - len(body))):
                    self.body_bytes += len(part)
                    body += part
                await self._answer(writer, is_stream=b'"stream":true' in body)
        del self._connections[task]
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, *, is_stream: bool) -> None:
        self.answers += 1
        if not is_stream:
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(DOCUMENT)}\r\n\r\n"
            writer.write(head.encode() + DOCUMENT)
            await writer.drain()
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        pause_seconds = self.pause_seconds
        for event in STREAM:
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
            await asyncio.sleep(pause_seconds)
        writer.write(b"0\r\n\r\n")
        await writer.drain()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the client saw. `is_clean`: the response ended as HTTP says it must."""

    status: int
    content_type: str
    body: bytes
    is_clean: bool


class Stage:
    """Put a fault up, send a request, look at both ends."""

    def __init__(self, envoy: Envoy, provider: WatchingProvider, policies: Path) -> None:
        self.envoy = envoy
        self.provider = provider
        self._policies = policies
        self._state = envoy.layout.root
        self._fork = multiprocessing.get_context("forkserver")
        self._fork.set_forkserver_preload(["tests.envoy.faulty_processor"])
        self._process: BaseProcess | None = None

    async def prepare(self, fault: str) -> None:
        """A processor that has answered a request (the last one, if it still lives) and will break in this way."""
        (self._state / "said").touch()
        (self._state / "fault").write_text("")
        if self._process is None or not self._process.is_alive():
            self._process = self._fork.Process(target=serve, args=(self._state, self._policies), daemon=True)
            self._process.start()
        deadline = time.monotonic() + 15
        while (await self.ask(is_stream=False)).status != 200:
            assert time.monotonic() < deadline, self.envoy.log.read_text()[-2000:]
            await asyncio.sleep(0.02)
        (self._state / "said").write_text("")
        (self._state / "fault").write_text(fault)
        self.provider.body_bytes = 0

    def dismiss(self) -> None:
        """End the processor, whatever state it is in."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def terminate(self) -> None:
        """Ask the processor to end."""
        assert self._process is not None
        self._process.terminate()

    def has_ended(self, seconds: float) -> bool:
        """Whether the processor has ended in good order within so many seconds."""
        assert self._process is not None
        self._process.join(seconds)
        return self._process.exitcode == 0

    def said(self) -> list[str]:
        """What the processor has noted of its last exchange, in order."""
        return (self._state / "said").read_text().splitlines()

    async def ask(self, *, is_stream: bool, is_slow: bool = False) -> Seen:
        """One chat completion; `is_slow` sends the body in two parts."""
        content = json.dumps(
            {"model": "assistant", "messages": [{"role": "user", "content": "x" * 2000}], "stream": is_stream},
            separators=(",", ":"),
        ).encode()
        return await ask(self.envoy, _in_two_parts(content) if is_slow else content)


async def ask(envoy: Envoy, content: bytes | AsyncIterator[bytes]) -> Seen:
    """One chat completion, by a member of the group that the shipped policy lets use models."""
    headers = {**envoy.bearer(groups=["llm-users"]), "content-type": "application/json"}
    url = f"http://127.0.0.1:{envoy.ports.loopback}"  # plain: to verify, each client would load all certificates first
    received, is_clean = b"", True
    async with (
        httpx.AsyncClient(base_url=url, timeout=20, trust_env=False, verify=False) as client,
        client.stream("POST", CHAT, content=content, headers=headers) as response,
    ):
        try:
            async for part in response.aiter_raw():
                received += part
        except httpx.RemoteProtocolError:
            is_clean = False
    return Seen(response.status_code, response.headers.get("content-type", ""), received, is_clean)


async def _in_two_parts(content: bytes) -> AsyncIterator[bytes]:
    yield content[:100]
    await asyncio.sleep(0.3)
    yield content[100:]


def _quick(config: dict[str, Any]) -> None:
    """Envoy's own time-outs, short; pings and health checks often, so that faults and recoveries show at once."""
    for listener in config["static_resources"]["listeners"]:
        for each in listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]:
            if each["name"] == "envoy.filters.http.ext_proc":
                each["typed_config"]["message_timeout"] = MESSAGE_TIMEOUT
    (processor,) = (each for each in config["static_resources"]["clusters"] if each["name"] == "processor")
    (check,) = processor["health_checks"]
    protocol = processor["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
    keepalive = protocol["explicit_http_config"]["http2_protocol_options"]["connection_keepalive"]
    keepalive |= {"interval": "0.3s", "timeout": "0.7s"}
    check |= {"interval": "0.5s", "no_traffic_interval": "0.05s", "unhealthy_interval": "0.05s", "timeout": "0.5s"}


@asynccontextmanager
async def running_stage(root: Path) -> AsyncIterator[Stage]:
    """A stage below `root`, with the shipped policy; responses are read by the processor."""
    async with WatchingProvider() as provider:
        policies = root / "policies"
        shutil.copytree(PROJECT / "policies", policies)
        _replace(policies / "providers.yaml", "127.0.0.1:18081", f"127.0.0.1:{provider.port}")
        _replace(policies / "routing.yaml", "metering: envoy", "metering: processor")
        _replace(policies / "budgets.yaml", "amount: 20,", "amount: 400,")
        layout, tokens = prepare_state(root / "state", load_policy(policies))
        async with running_envoy(layout, tokens, change=_quick) as envoy:
            stage = Stage(envoy, provider, policies)
            try:
                yield stage
            finally:
                stage.dismiss()


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
