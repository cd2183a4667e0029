"""An OTLP/HTTP collector on the loopback address, built on the official protobufs, that takes, delays, rejects in part and fails."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from tests.servers.loopback import listening

MEDIA_TYPE = "application/x-protobuf"


@dataclass(frozen=True)
class Reply:
    """`take` records of the request, reject the rest. A status other than 200 takes none. `body`: in place of the right one."""

    status: int = 200
    take: int = 1_000_000
    headers: tuple[tuple[str, str], ...] = (("content-type", MEDIA_TYPE),)
    body: bytes | None = None
    delay_seconds: float = 0.0
    hang_up: bool = False  # what it took it has, and nobody learns of that


@dataclass
class Collector:
    """`judge` sees how many records a request has."""

    judge: Callable[[int], Reply] = lambda _: Reply()
    port: int = 0
    taken: list[str] = field(default_factory=list)  # ids of records, in the order they came, duplicates too
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # path and headers of each request

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
            body = gzip.decompress(await reader.readexactly(int(headers["content-length"])))
            self.seen.append((lines[0].split()[1], headers))
            ids = record_ids(ExportLogsServiceRequest.FromString(body))
            reply = self.judge(len(ids))
            await asyncio.sleep(reply.delay_seconds)
            if reply.status == 200:
                self.taken += ids[: reply.take]
            if reply.hang_up:
                return
            await self._answer(reply, max(0, len(ids) - reply.take), writer)

    async def _answer(self, reply: Reply, rejected: int, writer: asyncio.StreamWriter) -> None:
        partial = ExportLogsPartialSuccess(rejected_log_records=rejected)
        right = ExportLogsServiceResponse(partial_success=partial if rejected else None).SerializeToString()
        body = right if reply.body is None else reply.body
        fields = (*reply.headers, ("content-length", str(len(body))))
        head = f"HTTP/1.1 {reply.status} Whatever\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
        writer.write(head.encode() + b"\r\n" + body)
        await writer.drain()


def record_ids(request: ExportLogsServiceRequest) -> list[str]:
    return [
        attribute.value.string_value
        for of_resource in request.resource_logs
        for of_scope in of_resource.scope_logs
        for record in of_scope.log_records
        for attribute in record.attributes
        if attribute.key == "gateway.record.id"
    ]


@asynccontextmanager
async def running_collector(tls: ssl.SSLContext | None = None) -> AsyncIterator[Collector]:
    collector = Collector()
    async with listening(collector.serve, tls) as collector.port:
        yield collector
