"""A small OTLP/gRPC receiver: each log record becomes a line of a file before the sender is told so.

For one machine and for tests; a real installation points `otlp_endpoint` at its own collector. The file follows
OpenTelemetry's file exporter format: one JSON object per line, each a LogsData (here: of one log record) in OTLP/JSON.
It only grows; rotate it with the receiver stopped. Spans go to a file of their own, if there is one; metrics nowhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import (
    LogsServiceServicer,
    add_LogsServiceServicer_to_server,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs

from gateway_ext.errors import ConfigurationError
from gateway_ext.telemetry.line_file import LineFile
from gateway_ext.telemetry.otlp_json import shown, shown_record
from gateway_ext.telemetry.otlp_other_signals import serve_other_signals

_log = logging.getLogger(__name__)


class SinkRefusal(Exception):  # noqa: N818  (an answer, not a fault)
    """Raised by an intake to answer an export with a gRPC status instead of taking it."""

    def __init__(self, status: grpc.StatusCode):
        super().__init__(status.name)
        self.status = status


@dataclass(frozen=True, slots=True)
class Received:
    """A log record. `resource` and `scope`: the ResourceLogs and ScopeLogs it came in, in OTLP/JSON, without records."""

    resource: Mapping[str, Any]
    scope: Mapping[str, Any]
    record: LogRecord


Intake = Callable[[Sequence[Received]], Awaitable[Sequence[Received]]]
"""Sees the records of one export; returns those to take (the rest are rejected), or delays, or raises SinkRefusal. For
tests of whoever sends here."""


async def take_all(records: Sequence[Received]) -> Sequence[Received]:
    return records


class OtlpFileSink:
    """Serves LogsService.Export on `address` (host:port; port 0 picks one) and appends to `path` (mode 0600).

    Spans are appended to `traces`; without it they are dropped. `start` raises ConfigurationError when address or file
    cannot be used.
    """

    def __init__(self, address: str, path: Path, intake: Intake = take_all, traces: Path | None = None):
        self._address = address
        self._path = path
        self._traces = traces
        self._intake = intake
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        file = _opened(self._path)
        self._files = [file]
        spans = None
        if self._traces is not None:
            spans = _opened(self._traces)
            self._files.append(spans)
        # Without SO_REUSEPORT a second receiver on the same address fails loudly instead of taking half the records.
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        add_LogsServiceServicer_to_server(_Servicer(file, self._intake), self._server)  # type: ignore[no-untyped-call]  # generated without annotations
        serve_other_signals(self._server, spans)
        try:
            self.port = self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            self._close()
            raise ConfigurationError(f"OTLP sink: cannot listen on {self._address}; is it in use?") from error
        await self._server.start()

    async def stop(self, grace_seconds: float | None = None) -> None:
        """Stop receiving. Exports that are not answered within the grace are cut; their senders will repeat them."""
        if self._server is not None:
            await self._server.stop(grace_seconds)
            self._server = None
            self._close()

    def _close(self) -> None:
        for file in self._files:
            file.close()


def _opened(path: Path) -> LineFile:
    try:
        return LineFile(path)
    except OSError as error:
        raise ConfigurationError(f"OTLP sink: {path} cannot be written ({error.strerror})") from error


class _Servicer(LogsServiceServicer):
    def __init__(self, file: LineFile, intake: Intake):
        self._file = file
        self._intake = intake
        self._one_at_a_time = asyncio.Lock()

    async def Export(  # noqa: N802  (the name is the protocol's)
        self,
        request: ExportLogsServiceRequest,
        context: grpc.aio.ServicerContext[ExportLogsServiceRequest, ExportLogsServiceResponse],
    ) -> ExportLogsServiceResponse:
        records = split(request)
        try:
            taken = await self._intake(records)
            async with self._one_at_a_time:
                await asyncio.to_thread(self._file.append, [to_line(record) for record in taken])
        except SinkRefusal as refusal:
            await context.abort(refusal.status)
        except OSError as error:
            _log.error("OTLP sink: records cannot be stored (%s)", error.strerror)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "cannot be stored")
        return ExportLogsServiceResponse(
            partial_success=ExportLogsPartialSuccess(rejected_log_records=len(records) - len(taken))
        )


def split(request: ExportLogsServiceRequest) -> list[Received]:
    """Each log record, with the record's resource and scope."""
    received: list[Received] = []
    for of_resource in request.resource_logs:
        resource = shown(
            ResourceLogs(
                resource=of_resource.resource if of_resource.HasField("resource") else None,
                schema_url=of_resource.schema_url,
            )
        )
        for of_scope in of_resource.scope_logs:
            scope = shown(
                ScopeLogs(scope=of_scope.scope if of_scope.HasField("scope") else None, schema_url=of_scope.schema_url)
            )
            received += [Received(resource, scope, record) for record in of_scope.log_records]
    return received


def to_line(received: Received) -> bytes:
    """A LogsData of this record alone, in OTLP/JSON."""
    of_scope = {**received.scope, "logRecords": [shown_record(received.record)]}
    document = {"resourceLogs": [{**received.resource, "scopeLogs": [of_scope]}]}
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
