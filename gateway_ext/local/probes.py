"""Is it ready? Probes for the supervisor: each answers yes or no within a second and never raises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

PROBE_TIMEOUT_SECONDS = 1.0

Probe = Callable[[], Awaitable[bool]]


def listening(host: str, port: int) -> Probe:
    """Somebody accepts TCP connections."""

    async def probe() -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                _, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    return probe


def http_ok(host: str, port: int, path: str) -> Probe:
    """GET answers 200."""

    async def probe() -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
                    status_line = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return status_line.split()[1:2] == [b"200"]

    return probe


def grpc_healthy(socket: Path) -> Probe:
    """The server on a Unix socket answers the gRPC health check with SERVING (grpc.health.v1)."""

    is_there = exists(socket)

    async def probe() -> bool:
        if not await is_there():
            return False
        # Late: starting the first child should not wait for gRPC's import.
        import grpc.aio  # noqa: PLC0415

        from gateway_ext.wire import health_pb2  # noqa: PLC0415

        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            try:
                answer = await check(health_pb2.HealthCheckRequest(), timeout=PROBE_TIMEOUT_SECONDS)
            except grpc.aio.AioRpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return probe


def exists(path: Path) -> Probe:
    """A file is there."""

    async def probe() -> bool:
        return await asyncio.to_thread(path.exists)

    return probe
