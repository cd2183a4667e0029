"""Probes answer yes and no, quickly, and never raise."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from gateway_ext.local import probes
from gateway_ext.local.probes import exists, grpc_healthy, http_ok, listening
from gateway_ext.wire import health_pb2


@asynccontextmanager
async def server(answer: bytes | None) -> AsyncIterator[int]:
    """Answers every connection with `answer`; None = accepts and stays silent."""

    ended: list[asyncio.Event] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(asyncio.Event())
        mine = ended[-1]
        if answer is not None:
            writer.write(answer)
        else:
            await reader.read()
        writer.close()
        await writer.wait_closed()
        mine.set()

    serving = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with serving:
        yield serving.sockets[0].getsockname()[1]
        for each in ended:
            await asyncio.wait_for(each.wait(), 2)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PROBE_TIMEOUT_SECONDS", 0.2)


@pytest.mark.parametrize(
    ("answer", "is_ready"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False),
        (b"", False),
        (b"\r\n", False),
        (None, False),
    ],
)
async def test_http_ok_means_200(answer: bytes | None, is_ready: bool) -> None:
    async with server(answer) as port:
        assert await http_ok("127.0.0.1", port, "/healthz")() is is_ready


async def test_listening_means_that_somebody_accepts() -> None:
    async with server(None) as port:
        assert await listening("127.0.0.1", port)()
    assert not await listening("127.0.0.1", port)()
    assert not await http_ok("127.0.0.1", port, "/")()


async def test_exists(tmp_path: Path) -> None:
    probe = exists(tmp_path / "file")
    assert not await probe()
    (tmp_path / "file").touch()
    assert await probe()


@asynccontextmanager
async def health_server(socket: Path, check: Callable[[], health_pb2.HealthCheckResponse]) -> AsyncIterator[None]:
    async def answer(_request: Any, _context: Any) -> health_pb2.HealthCheckResponse:
        return check()

    handler = grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=health_pb2.HealthCheckRequest.FromString,
        response_serializer=health_pb2.HealthCheckResponse.SerializeToString,
    )
    serving = grpc.aio.server()
    serving.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler}),)
    )
    serving.add_insecure_port(f"unix:{socket}")
    await serving.start()
    try:
        yield
    finally:
        await serving.stop(None)


async def test_grpc_healthy_means_serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PROBE_TIMEOUT_SECONDS", 2.0)
    socket = tmp_path / "health.sock"
    probe = grpc_healthy(socket)
    assert not await probe()
    status = health_pb2.HealthCheckResponse.SERVING
    async with health_server(socket, lambda: health_pb2.HealthCheckResponse(status=status)):
        assert await probe()
        status = health_pb2.HealthCheckResponse.NOT_SERVING
        assert not await probe()
