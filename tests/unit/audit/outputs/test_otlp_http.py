from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.outputs.headers import headers_in
from gateway_ext.audit.outputs.otlp_http import OtlpHttpExporter
from gateway_ext.errors import ConfigurationError
from tests.servers.certificate import make_certificate
from tests.servers.otlp_http import MEDIA_TYPE, Collector, Reply, running_collector

EVENTS = [Event(id=f"r-{number}", run_id="r", processor="p0", sequence=number, name="x:y:z") for number in (1, 2, 3)]
IDS = [event.id for event in EVENTS]


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with running_collector() as collector:
        yield collector


@pytest.fixture
async def exporter(collector: Collector) -> AsyncIterator[OtlpHttpExporter]:
    exporter = OtlpHttpExporter(f"http://127.0.0.1:{collector.port}")
    yield exporter
    await exporter.close()


async def test_everything_arrives_compressed_below_v1_logs(exporter: OtlpHttpExporter, collector: Collector) -> None:
    assert await exporter.export(EVENTS) == Delivery(Answer.ACCEPTED)
    assert collector.taken == IDS
    ((path, headers),) = collector.seen
    assert path == "/v1/logs"
    assert (headers["content-type"], headers["content-encoding"]) == (MEDIA_TYPE, "gzip")


async def test_a_partial_rejection_is_no_success(exporter: OtlpHttpExporter, collector: Collector) -> None:
    collector.judge = lambda _: Reply(take=2)
    assert await exporter.export(EVENTS) == Delivery(Answer.REJECTED, "1 of 3")


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 501, 301, 204])
async def test_other_statuses_are_rejections(status: int, exporter: OtlpHttpExporter, collector: Collector) -> None:
    collector.judge = lambda _: Reply(status=status)
    assert await exporter.export(EVENTS) == Delivery(Answer.REJECTED, f"status {status}")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_these_are_asked_again(status: int, exporter: OtlpHttpExporter, collector: Collector) -> None:
    collector.judge = lambda _: Reply(status=status)
    assert await exporter.export(EVENTS) == Delivery(Answer.UNREACHABLE, f"status {status}")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((("retry-after", "17"),), 17.0),
        ((("retry-after", "Sat, 21 Nov 2026 10:00:42 GMT"), ("date", "Sat, 21 Nov 2026 10:00:12 GMT")), 30.0),
        ((("retry-after", "Sat, 21 Nov 2026 10:00:00 GMT"), ("date", "Sat, 21 Nov 2026 10:00:12 GMT")), 0.0),
        ((("retry-after", "Sat, 21 Nov 2026 10:00:42 GMT"),), 0.0),
        ((("retry-after", "soon"),), 0.0),
        ((("retry-after", "-5"),), 0.0),
    ],
)
async def test_a_collector_says_when_to_ask_again(
    headers: tuple[tuple[str, str], ...], seconds: float, exporter: OtlpHttpExporter, collector: Collector
) -> None:
    collector.judge = lambda _: Reply(status=503, headers=headers)
    assert (await exporter.export(EVENTS)).retry_after_seconds == seconds


@pytest.mark.parametrize(
    "reply",
    [
        Reply(headers=(("content-type", "text/html"),), body=b""),
        Reply(headers=(), body=b""),
        Reply(body=b"<html>please log in</html>"),
        Reply(body=b"\x0a\x00" * 100_000),
    ],
    ids=["another type", "no type", "no protobuf", "too large"],
)
async def test_a_page_that_says_200_is_no_acknowledgement(
    reply: Reply, exporter: OtlpHttpExporter, collector: Collector
) -> None:
    collector.judge = lambda _: reply
    assert (await exporter.export(EVENTS)).answer is Answer.UNREACHABLE


async def test_a_collector_that_takes_and_hangs_up_is_sent_the_same_again(
    exporter: OtlpHttpExporter, collector: Collector
) -> None:
    replies = iter([Reply(hang_up=True)])
    collector.judge = lambda _: next(replies, Reply())
    assert (await exporter.export(EVENTS)).answer is Answer.UNREACHABLE
    assert (await exporter.export(EVENTS)).answer is Answer.ACCEPTED
    assert collector.taken == IDS * 2


async def test_a_slow_collector_is_not_waited_for_for_ever(
    exporter: OtlpHttpExporter, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_ext.audit.outputs.otlp_http.EXPORT_TIMEOUT_SECONDS", 0.05)
    collector.judge = lambda _: Reply(delay_seconds=5)
    assert await exporter.export(EVENTS) == Delivery(Answer.UNREACHABLE, "TimeoutError")


async def test_headers_are_read_for_each_export_and_never_told(tmp_path: Path, collector: Collector) -> None:
    file = tmp_path / "headers"
    file.touch(0o600)
    file.write_text("authorization: Bearer s3cret-one\nx-scope-orgid: payments\n")
    exporter = OtlpHttpExporter(f"http://127.0.0.1:{collector.port}", headers=headers_in(file))
    await exporter.export(EVENTS)
    file.write_text("authorization: Bearer s3cret-two\n")
    await exporter.export(EVENTS)
    file.write_text("authorization s3cret-three\n")
    delivery = await exporter.export(EVENTS)
    await exporter.close()
    seen = [headers.get("authorization") for _, headers in collector.seen]
    assert seen == ["Bearer s3cret-one", "Bearer s3cret-two"]
    assert collector.seen[0][1]["x-scope-orgid"] == "payments"
    assert delivery == Delivery(Answer.UNREACHABLE, "otlp_headers_file cannot be used")


async def test_tls_trusts_the_given_authority_only(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "certs")
    stranger = make_certificate(tmp_path / "others")
    answers = []
    async with running_collector(certificate.context) as collector:
        for authority in (certificate.authority, stranger.authority):
            exporter = OtlpHttpExporter(f"https://127.0.0.1:{collector.port}/", str(authority))
            answers.append((await exporter.export(EVENTS)).answer)
            await exporter.close()
    assert answers == [Answer.ACCEPTED, Answer.UNREACHABLE]
    assert collector.taken == IDS


async def test_a_path_is_kept(collector: Collector) -> None:
    for endpoint in ("/otlp", "/otlp/", "/otlp/v1/logs"):
        exporter = OtlpHttpExporter(f"http://127.0.0.1:{collector.port}{endpoint}")
        assert (await exporter.export(EVENTS)).answer is Answer.ACCEPTED
        await exporter.close()
    assert {path for path, _ in collector.seen} == {"/otlp/v1/logs"}


@pytest.mark.parametrize(
    ("endpoint", "ca_file", "complaint"),
    [
        ("127.0.0.1:4318", "", "http://host:port"),
        ("http://me:secret@127.0.0.1:4318", "", "without a login"),
        ("http://127.0.0.1:4318?key=1", "", "http://host:port"),
        ("http://127.0.0.1:4318", "ca.pem", "not https"),
        ("http://127.0.0.1:99999", "", "cannot be used"),
        ("http://[::1", "", "otlp_endpoint"),
        ("https://127.0.0.1:4318", "missing.pem", "cannot be read"),
    ],
)
async def test_bad_settings_are_explained(endpoint: str, ca_file: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as raised:
        OtlpHttpExporter(endpoint, ca_file)
    assert "secret" not in str(raised.value)
