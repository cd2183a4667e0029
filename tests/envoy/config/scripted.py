"""A gateway whose processor only plays a script: what is tested is Envoy and our configuration of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_ext.wire import ext_proc_pb2
from tests.envoy.harness import (
    Envoy,
    FakeProcessor,
    FakeUpstream,
    Stream,
    prepare_state,
    read_request,
    running_envoy,
    verdict,
)
from tests.envoy.snapshots import provider, snapshot_of

CHAT = "/v1/chat/completions"
PLAN = {"id": "exchange-1", "hold": "hold-1", "path": "/chat/completions"}


@dataclass(frozen=True, slots=True)
class Request:
    """What the processor was told of one request. `first` is the first message in JSON form."""

    first: dict[str, Any]
    headers: dict[str, str]
    body: bytes
    metadata: dict[str, str]

    @property
    def attributes(self) -> dict[str, Any]:
        attributes: dict[str, Any] = self.first["attributes"]["envoy.filters.http.ext_proc"]
        return attributes


@dataclass(slots=True)
class Gateway:
    """`clusters` is what the processor's verdict names; empty: it answers without one."""

    envoy: Envoy
    processor: FakeProcessor
    primary: FakeUpstream
    fallback: FakeUpstream
    clusters: list[str] = field(default_factory=lambda: ["primary/assistant", "fallback/assistant"])
    requests: list[Request] = field(default_factory=list)

    async def decide(self, stream: Stream) -> None:
        """The script of the router-level streams: a verdict, then the response passes."""
        self.requests.append(Request(*await read_request(stream), stream.metadata))
        if self.clusters:
            await stream.send(**verdict(PLAN, *self.clusters))
        else:
            await stream.send(request_body=ext_proc_pb2.BodyResponse())
        await stream.read()
        await stream.send(response_headers=ext_proc_pb2.HeadersResponse())


@asynccontextmanager
async def scripted_gateway(state: Path) -> AsyncIterator[Gateway]:
    """Envoy in `state` with one processor and two providers that differ in base path and credential header."""
    primary, fallback = FakeUpstream(), FakeUpstream()
    await asyncio.gather(primary.start(), fallback.start())
    snapshot = snapshot_of(
        provider("primary", primary.port),
        provider("fallback", fallback.port, base_path="/openai/v2", credential_header="api-key", credential_prefix=""),
    )
    layout, tokens = prepare_state(state, snapshot)

    async def decide(stream: Stream) -> None:
        await gateway.decide(stream)

    processor = FakeProcessor(decide)
    await processor.start(layout.processor_socket(0))
    try:
        async with running_envoy(layout, tokens) as envoy:
            gateway = Gateway(envoy, processor, primary, fallback)
            yield gateway
    finally:
        await asyncio.gather(processor.stop(), primary.stop(), fallback.stop())
