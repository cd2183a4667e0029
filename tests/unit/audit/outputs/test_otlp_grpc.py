import asyncio
import datetime
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import (
    LogsServiceServicer,
    add_LogsServiceServicer_to_server,
)

from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.outputs.headers import Headers, headers_in, no_headers
from gateway_ext.audit.outputs.otlp import to_request
from gateway_ext.audit.outputs.otlp_grpc import OtlpGrpcExporter
from gateway_ext.errors import ConfigurationError
from gateway_ext.telemetry.otlp_file_sink import OtlpFileSink, Received, SinkRefusal
from gateway_ext.telemetry.otlp_lines import last_log_lines
from gateway_ext.wire import audit_pb2

Context = grpc.aio.ServicerContext[ExportLogsServiceRequest, ExportLogsServiceResponse]
EVENTS = [
    Event(
        id=f"r-{number}",
        run_id="r",
        processor="p0",
        sequence=number,
        name="request:decision:refused",
        time_unix_nano=1_700_000_000_000_000_000 + number,
        decision=audit_pb2.Decision(
            reason="budget_exhausted",
            http_status=429,
            findings=[audit_pb2.Finding(data_class="secret", confidence=0.25, start=7)],
        ),
    )
    for number in (1, 2, 3)
]


class Intake:
    """What the sink shall do with the next exports."""

    def __init__(self) -> None:
        self.rejected = 0
        self.status: grpc.StatusCode | None = None

    async def __call__(self, records: Sequence[Received]) -> Sequence[Received]:
        if self.status is not None:
            raise SinkRefusal(self.status)
        return records[: len(records) - self.rejected]


@pytest.fixture
def intake() -> Intake:
    return Intake()


@pytest.fixture
async def sink(tmp_path: Path, intake: Intake) -> AsyncIterator[OtlpFileSink]:
    sink = OtlpFileSink("127.0.0.1:0", tmp_path / "sink.jsonl", intake)
    await sink.start()
    yield sink
    await sink.stop()


@pytest.fixture
async def exporter(sink: OtlpFileSink) -> AsyncIterator[OtlpGrpcExporter]:
    exporter = OtlpGrpcExporter(f"http://127.0.0.1:{sink.port}")
    yield exporter
    await exporter.close()


async def test_everything_arrives_typed(exporter: OtlpGrpcExporter, tmp_path: Path) -> None:
    assert await exporter.export(EVENTS) == Delivery(Answer.ACCEPTED)
    lines = last_log_lines(tmp_path / "sink.jsonl", 10)
    assert [line.attributes["gateway.record.sequence"] for line in lines] == [1, 2, 3]
    first = lines[0]
    assert first.event_name == "request:decision:refused"
    assert first.time_unix_nano == 1_700_000_000_000_000_001
    assert first.resource == {"service.name": "gateway-ext", "service.instance.id": "r", "gateway.process": "p0"}
    assert first.attributes["http.response.status_code"] == 429
    (finding,) = first.attributes["gateway.guard.findings"]
    assert (finding["confidence"], finding["start"], finding["data_class"]) == (0.25, 7, "secret")


def test_one_log_record_per_event_in_order_with_severity_and_event_name() -> None:
    (of_resource,) = to_request(EVENTS).resource_logs
    (of_scope,) = of_resource.scope_logs
    assert [record.time_unix_nano for record in of_scope.log_records] == [event.time_unix_nano for event in EVENTS]
    assert {record.severity_number for record in of_scope.log_records} == {13}
    assert {record.event_name for record in of_scope.log_records} == {"request:decision:refused"}
    assert {record.dropped_attributes_count for record in of_scope.log_records} == {0}


def test_a_count_that_otlp_has_no_room_for_is_its_largest_one() -> None:
    outcome = Event(outcome=audit_pb2.Outcome(input_tokens=2**64 - 1, output_tokens=1))
    (record,) = to_request([outcome]).resource_logs[0].scope_logs[0].log_records
    values = {each.key: each.value.int_value for each in record.attributes}
    assert (values["gen_ai.usage.input_tokens"], values["gen_ai.usage.output_tokens"]) == (2**63 - 1, 1)


def test_records_of_several_runs_go_by_run() -> None:
    runs = [Event(id=f"{run}-{number}", run_id=run) for number in (1, 2) for run in ("r", "s")]
    sent = [
        (each.resource.attributes[1].value.string_value, len(each.scope_logs[0].log_records))
        for each in to_request(runs).resource_logs
    ]
    assert sent == [("r", 2), ("s", 2)]


async def test_a_partial_rejection_is_no_success(exporter: OtlpGrpcExporter, intake: Intake) -> None:
    intake.rejected = 1
    assert await exporter.export(EVENTS) == Delivery(Answer.REJECTED, "1 of 3")


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (grpc.StatusCode.UNAVAILABLE, Answer.UNREACHABLE),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Answer.UNREACHABLE),
        (grpc.StatusCode.INVALID_ARGUMENT, Answer.REJECTED),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Answer.REJECTED),
        (grpc.StatusCode.UNAUTHENTICATED, Answer.REJECTED),
    ],
)
async def test_status_codes(
    status: grpc.StatusCode, answer: Answer, exporter: OtlpGrpcExporter, intake: Intake
) -> None:
    intake.status = status
    assert await exporter.export(EVENTS) == Delivery(answer, status.name)


@pytest.mark.parametrize(
    ("status", "delay_seconds", "answer", "wait_seconds"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, None, Answer.REJECTED, 0.0),  # too large
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 17, Answer.UNREACHABLE, 17.0),
        (grpc.StatusCode.UNAVAILABLE, 5, Answer.UNREACHABLE, 5.0),
    ],
)
async def test_a_collector_under_load_says_when_to_come_back(
    status: grpc.StatusCode, delay_seconds: int | None, answer: Answer, wait_seconds: float
) -> None:
    details = status_pb2.Status(code=status.value[0])
    if delay_seconds is not None:
        info = error_details_pb2.RetryInfo()
        info.retry_delay.FromSeconds(delay_seconds)
        details.details.add().Pack(info)

    async def throttle(_: object, context: Context) -> None:
        context.set_trailing_metadata((("grpc-status-details-bin", details.SerializeToString()),))
        await context.abort(status)

    async with serving(throttle) as exporter:
        assert await exporter.export(EVENTS) == Delivery(answer, status.name, wait_seconds)


async def test_headers_go_along_as_metadata(tmp_path: Path) -> None:
    seen: list[str | bytes] = []

    async def note(_: object, context: Context) -> ExportLogsServiceResponse:
        seen.extend(value for name, value in context.invocation_metadata() or () if name == "authorization")
        return ExportLogsServiceResponse()

    file = tmp_path / "headers"
    file.touch(0o600)
    file.write_text("authorization: Bearer one\n")
    async with serving(note, headers_in(file)) as exporter:
        await exporter.export(EVENTS)
        file.write_text("authorization: Bearer two\n")
        await exporter.export(EVENTS)
        file.unlink()
        assert await exporter.export(EVENTS) == Delivery(Answer.UNREACHABLE, "otlp_headers_file cannot be used")
    assert seen == ["Bearer one", "Bearer two"]


@asynccontextmanager
async def serving(export: Callable[..., object], headers: Headers = no_headers) -> AsyncIterator[OtlpGrpcExporter]:
    """An exporter to a collector that does `export` with each request."""
    servicer = type("Servicer", (LogsServiceServicer,), {"Export": staticmethod(export)})()
    server = grpc.aio.server()
    add_LogsServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]  # generated
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    exporter = OtlpGrpcExporter(f"http://127.0.0.1:{port}", headers=headers)
    yield exporter
    await exporter.close()
    await server.stop(None)


async def test_a_collector_that_is_down_and_comes_back(tmp_path: Path) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    exporter = OtlpGrpcExporter(f"http://127.0.0.1:{port}")
    assert await exporter.export(EVENTS) == Delivery(Answer.UNREACHABLE, "UNAVAILABLE")
    sink = OtlpFileSink(f"127.0.0.1:{port}", tmp_path / "sink.jsonl")
    await sink.start()
    for _ in range(100):
        if (delivery := await exporter.export(EVENTS)).answer is Answer.ACCEPTED:
            break
        await asyncio.sleep(0.05)
    assert delivery == Delivery(Answer.ACCEPTED)
    await exporter.close()
    await sink.stop()


@pytest.mark.parametrize(
    ("endpoint", "ca_file", "complaint"),
    [
        ("127.0.0.1:4317", "", "http://host:port"),
        ("ftp://127.0.0.1:4317", "", "http://host:port"),
        ("http://127.0.0.1:4317/v1/logs", "", "http://host:port"),
        ("http://127.0.0.1:4317", "ca.pem", "not https"),
        ("https://127.0.0.1:4317", "missing.pem", "cannot be read"),
    ],
)
async def test_bad_settings_are_explained(endpoint: str, ca_file: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        OtlpGrpcExporter(endpoint, ca_file)


async def test_tls_trusts_the_given_authority_only(tmp_path: Path) -> None:
    certificate, key = self_signed()
    other, _ = self_signed()
    (tmp_path / "ca.pem").write_bytes(certificate)
    (tmp_path / "other.pem").write_bytes(other)

    class Accepting(LogsServiceServicer):
        async def Export(self, request: ExportLogsServiceRequest, context: object) -> ExportLogsServiceResponse:
            return ExportLogsServiceResponse()

    server = grpc.aio.server()
    add_LogsServiceServicer_to_server(Accepting(), server)  # type: ignore[no-untyped-call]  # generated
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    await server.start()
    answers = []
    for ca_file in ("ca.pem", "other.pem"):
        exporter = OtlpGrpcExporter(f"https://127.0.0.1:{port}", str(tmp_path / ca_file))
        answers.append((await exporter.export(EVENTS)).answer)
        await exporter.close()
    await server.stop(None)
    assert answers == [Answer.ACCEPTED, Answer.UNREACHABLE]


def self_signed() -> tuple[bytes, bytes]:
    """A certificate for 127.0.0.1 and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "collector")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
