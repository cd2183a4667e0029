"""Trailers come after the body, when all is decided: to a provider that speaks HTTP/2 none of them is passed on."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path

import pytest

from gateway_ext.local.certificates import ensure_certificates
from tests.envoy.harness import FakeProcessor, Stream, prepare_state, read_request, running_envoy, verdict
from tests.envoy.http2 import Http2Client, Http2Provider
from tests.envoy.snapshots import provider, snapshot_of

pytestmark = pytest.mark.envoy
BODY = b'{"model":"assistant"}'


async def admit(stream: Stream) -> None:
    await read_request(stream)
    await stream.send(**verdict({"path": "/chat/completions", "models": {}}, "upstream/assistant"))


@pytest.mark.parametrize("trailers", [[], [("x-trailer", "uninspected text")]], ids=["without", "with"])
async def test_trailers_end_at_the_gateway(tmp_path: Path, trailers: list[tuple[str, str]]) -> None:
    ensure_certificates(tmp_path / "certs", time.time_ns())
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "certs" / "server.pem", tmp_path / "certs" / "server.key")
    upstream, processor = Http2Provider(), FakeProcessor(admit)
    await upstream.start(tls)
    secure = {"scheme": "https", "host": "localhost", "ca_file": "certs/ca.pem"}
    layout, tokens = prepare_state(tmp_path, snapshot_of(provider("upstream", upstream.port, **secure)))
    await processor.start(layout.processor_socket(0))
    try:
        async with running_envoy(layout, tokens) as envoy:
            token = envoy.bearer()["authorization"].removeprefix("Bearer ")

            def ask() -> str:
                trust = ssl.create_default_context(cafile=layout.certs / "ca.pem")
                with Http2Client(envoy.ports.public, trust, token) as client:
                    return client.post(BODY, trailers=trailers)

            assert await asyncio.to_thread(ask) == "200"
    finally:
        await asyncio.gather(processor.stop(), upstream.stop())
    assert upstream.body == BODY
    assert not any(upstream.trailers)
    assert set(upstream.headers[0]) == {
        ":method", ":path", ":scheme", ":authority", "accept", "accept-encoding", "authorization", "content-type",
        "user-agent", "x-request-id",
    }  # fmt: skip
