from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.outputs.syslog import SyslogExporter
from gateway_ext.errors import ConfigurationError
from gateway_ext.wire import audit_pb2
from tests.servers.certificate import make_certificate
from tests.servers.syslog import SyslogReceiver, running_syslog
from tests.unit.audit.outputs import samples

ACCEPTED = Delivery(Answer.ACCEPTED)


def numbered(*numbers: int) -> list[Event]:
    return [Event(id=f"r-{number}", processor="p0", sequence=number, name="x:y:z") for number in numbers]


async def until(receiver: SyslogReceiver, messages: int) -> None:
    async with asyncio.timeout(5):
        while len(receiver.messages) < messages:  # noqa: ASYNC110  (the receiver reads at its own pace)
            await asyncio.sleep(0.005)


async def until_accepted(exporter: SyslogExporter, events: list[Event]) -> None:
    async with asyncio.timeout(5):
        while (await exporter.export(events)).answer is not Answer.ACCEPTED:  # noqa: ASYNC110  (as the shipper does)
            await asyncio.sleep(0.01)


@pytest.fixture
async def receiver() -> AsyncIterator[SyslogReceiver]:
    async with running_syslog() as receiver:
        yield receiver


@pytest.fixture
async def exporter(receiver: SyslogReceiver) -> AsyncIterator[SyslogExporter]:
    exporter = SyslogExporter(f"tcp://127.0.0.1:{receiver.port}")
    yield exporter
    await exporter.close()


async def test_messages_are_those_of_rfc_5424_and_counted(exporter: SyslogExporter, receiver: SyslogReceiver) -> None:
    assert await exporter.export([samples.refused(), samples.settled()]) == ACCEPTED
    await until(receiver, 2)
    refused, settled = receiver.messages
    assert refused.startswith(b"<108>1 2026-11-18T11:06:40.123456Z ")  # facility 13, severity 4
    assert settled.startswith(b"<110>1 ")
    header = rb"<\d+>1 \S+ \S+ gateway-ext processor-0 request:decision:refused - CEF:0\|gateway-ext\|.*"
    assert re.fullmatch(header, refused)
    assert receiver.record_ids() == [samples.refused().id] * 2


async def test_one_connection_for_many_batches(exporter: SyslogExporter, receiver: SyslogReceiver) -> None:
    for number in range(5):
        assert await exporter.export(numbered(number)) == ACCEPTED
    await until(receiver, 5)
    assert receiver.connections == 1
    assert receiver.record_ids() == [f"r-{number}" for number in range(5)]


async def test_after_a_lost_connection_the_last_messages_are_sent_again(
    exporter: SyslogExporter, receiver: SyslogReceiver
) -> None:
    """It closes having read two of three, which no answer tells of: what it had not read comes again."""
    receiver.close_after = 2
    assert (await exporter.export(numbered(1, 2, 3))).answer in (Answer.ACCEPTED, Answer.UNREACHABLE)
    await until(receiver, 2)
    receiver.close_after = 0
    await until_accepted(exporter, numbered(4))
    async with asyncio.timeout(5):
        while receiver.record_ids()[-1] != "r-4":  # noqa: ASYNC110  (the receiver reads at its own pace)
            await asyncio.sleep(0.005)
    assert receiver.connections == 2


async def test_what_was_accepted_and_not_read_is_sent_again(exporter: SyslogExporter, receiver: SyslogReceiver) -> None:
    receiver.reads.clear()
    assert await exporter.export(numbered(1, 2)) == ACCEPTED  # its kernel has them, the program has not
    receiver.hang_up()
    receiver.reads.set()
    await until_accepted(exporter, numbered(3))
    await until(receiver, 3)
    assert receiver.record_ids() == ["r-1", "r-2", "r-3"]


async def test_a_receiver_that_does_not_read_is_waited_for_and_nothing_is_acknowledged(
    exporter: SyslogExporter, receiver: SyslogReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_ext.audit.outputs.syslog._SECONDS", 0.3)
    receiver.reads.clear()
    large = samples.event("x:y:z", order=audit_pb2.Order(actor="a" * 1000, reason="b" * 1000, value="c" * 1000))
    assert (await exporter.export([large] * 5000)).answer is Answer.UNREACHABLE


async def test_nobody_there() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        exporter = SyslogExporter(f"tcp://127.0.0.1:{reserved.getsockname()[1]}")
        assert await exporter.export(numbered(1)) == Delivery(Answer.UNREACHABLE, "Connection refused")


async def test_tls_trusts_the_given_authority_only(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "certs")
    stranger = make_certificate(tmp_path / "others")
    answers = []
    async with running_syslog(certificate.context) as receiver:
        for authority in (certificate.authority, stranger.authority):
            exporter = SyslogExporter(f"tls://127.0.0.1:{receiver.port}", str(authority))
            answers.append((await exporter.export(numbered(1, 2))).answer)
            answers.append((await exporter.export(numbered(3))).answer)
            await exporter.close()
        await until(receiver, 3)
    assert answers == [Answer.ACCEPTED] * 2 + [Answer.UNREACHABLE] * 2
    assert receiver.record_ids() == ["r-1", "r-2", "r-3"]


async def test_udp_sends_a_message_a_datagram() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        exporter = SyslogExporter(f"udp://127.0.0.1:{receiver.getsockname()[1]}")
        assert await exporter.export(numbered(1, 2)) == ACCEPTED
        received = [await asyncio.to_thread(receiver.recv, 65_535) for _ in range(2)]
    assert [b"externalId=r-%d" % number in each for number, each in enumerate(received, start=1)] == [True, True]


@pytest.mark.parametrize(
    ("url", "ca_file", "complaint"),
    [
        ("127.0.0.1:514", "", "expected tcp://"),
        ("tcp://127.0.0.1", "", "expected tcp://"),
        ("tcp://127.0.0.1:99999", "", "cannot be used"),
        (f"tcp://{'x' * 64}.example:514", "", "cannot be used"),
        ("tcp://127.0.0.1:514/path", "", "expected tcp://"),
        ("http://127.0.0.1:514", "", "not http://"),
        ("tcp://127.0.0.1:514", "ca.pem", "not tls://"),
        ("tls://127.0.0.1:6514", "missing.pem", "cannot be read"),
        ("tls://127.0.0.1:6514", __file__, "no certificates"),
    ],
)
def test_bad_settings_are_explained(url: str, ca_file: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        SyslogExporter(url, ca_file)
