"""A gateway whose processor only plays a script: what is tested is Envoy and our configuration of it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_ext.local.certificates import ensure_certificates
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
    plan: dict[str, Any] = field(default_factory=lambda: dict(PLAN))

    async def decide(self, stream: Stream) -> None:
        """The script of the router-level streams: a verdict, then the response passes."""
        self.requests.append(Request(*await read_request(stream), stream.metadata))
        if self.clusters:
            await stream.send(**verdict(self.plan, *self.clusters))
        else:
            await stream.send(request_body=ext_proc_pb2.BodyResponse())
        await stream.read()
        await stream.send(response_headers=ext_proc_pb2.HeadersResponse())


@asynccontextmanager
async def scripted_gateway(
    state: Path,
    *,
    change: Callable[[dict[str, Any]], None] | None = None,
    tls: str = "",
    certificate: str = "server",
    **fields: str,
) -> AsyncIterator[Gateway]:
    """Envoy in `state` with one processor and two providers that differ in base path and credential header.

    `change` edits Envoy's configuration; `fields` are the primary's; `tls` is the CA file that it is verified with,
    `certificate` names the one it shows.
    """
    primary, fallback = FakeUpstream(), FakeUpstream()
    ensure_certificates(state / "certs", time.time_ns())
    await asyncio.gather(primary.start(_server_tls(state / "certs", certificate) if tls else None), fallback.start())
    if tls:
        fields |= {"scheme": "https", "host": fields.get("host", "localhost"), "ca_file": tls}
    snapshot = snapshot_of(
        provider("primary", primary.port, **fields),
        provider("fallback", fallback.port, base_path="/openai/v2", credential_header="api-key", credential_prefix=""),
    )
    layout, tokens = prepare_state(state, snapshot)

    async def decide(stream: Stream) -> None:
        await gateway.decide(stream)

    processor = FakeProcessor(decide)
    await processor.start(layout.processor_socket(0))
    try:
        async with running_envoy(layout, tokens, change=change) as envoy:
            gateway = Gateway(envoy, processor, primary, fallback)
            yield gateway
    finally:
        await asyncio.gather(processor.stop(), primary.stop(), fallback.stop())


def _server_tls(certs: Path, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certs / f"{name}.pem", certs / f"{name}.key")
    return context
