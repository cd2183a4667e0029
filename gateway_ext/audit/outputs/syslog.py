"""Audit events as CEF in syslog messages, over TCP (RFC 6587), TLS (RFC 5425) or UDP (RFC 5426).

Syslog acknowledges nothing. The best that a sender can do over TCP and TLS is done here: a batch counts as delivered when the
receiver's machine has acknowledged every byte of it and the connection is still open. What that machine had accepted but
its program had not read when the connection ended may be lost, so the newest messages are sent again over the next one;
the record's id (`externalId`) tells which are duplicates. UDP loses messages, and nobody notices.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Sequence

from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.outputs.cef import to_cef
from gateway_ext.audit.outputs.receiver import parsed_address, tls_context
from gateway_ext.audit.outputs.stream import Stream
from gateway_ext.audit.outputs.syslog_message import counted, syslog_message
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import SYSLOG_RESENT_BYTES

_SECONDS = 10.0  # for a connection, and for a batch


class SyslogExporter:
    """`url` is tcp://host:port, tls://host:port or udp://host:port; `ca_file` holds the trust anchors for TLS in PEM, empty means
    those of the machine. Raises ConfigurationError when one of them is unusable."""

    def __init__(self, url: str, ca_file: str = ""):
        self._scheme, self._address = _parsed(url)
        if ca_file and self._scheme != "tls":
            raise ConfigurationError("syslog_ca_file is set but syslog_url is not tls://")
        self._tls = tls_context("syslog_ca_file", ca_file) if self._scheme == "tls" else None
        self._hostname = socket.gethostname()
        self._stream: Stream | None = None
        self._sent: deque[bytes] = deque()  # the newest batches, as they went over the last connection

    async def export(self, events: Sequence[Event]) -> Delivery:
        messages = await asyncio.to_thread(self._messages, events)
        try:
            if self._scheme == "udp":
                await asyncio.to_thread(_send_datagrams, self._address, messages)
            else:
                await asyncio.to_thread(self._send, b"".join(map(counted, messages)))
        except OSError as error:  # a TimeoutError and an SSLError are such, too
            await self.close()
            return Delivery(Answer.UNREACHABLE, error.strerror or type(error).__name__)
        return Delivery(Answer.ACCEPTED)

    async def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _messages(self, events: Sequence[Event]) -> list[bytes]:
        return [syslog_message(event, to_cef(event), self._hostname) for event in events]

    def _send(self, batch: bytes) -> None:
        """Blocks. Raises OSError when it is not known that all of it has arrived."""
        if self._stream is not None and self._stream.has_ended():
            self._stream.close()
            self._stream = None
        if self._stream is None:
            self._stream = Stream(self._address, self._tls, _SECONDS)
            for earlier in self._sent:
                self._stream.send(earlier)
        self._stream.send(batch)
        self._stream.wait_until_acknowledged()
        self._sent.append(batch)
        while len(self._sent) > 1 and sum(map(len, self._sent)) > SYSLOG_RESENT_BYTES:
            self._sent.popleft()


def _parsed(url: str) -> tuple[str, tuple[str, int]]:
    parts = parsed_address("syslog_url", url)
    if not parts.hostname or not parts.port or "@" in parts.netloc or url != f"{parts.scheme}://{parts.netloc}":
        raise ConfigurationError("syslog_url: expected tcp://host:port, tls://host:port or udp://host:port")
    if parts.scheme not in ("tcp", "tls", "udp"):
        raise ConfigurationError(f"syslog_url: expected tcp://, tls:// or udp://, not {parts.scheme}://")
    return parts.scheme, (parts.hostname, parts.port)


def _send_datagrams(address: tuple[str, int], messages: Sequence[bytes]) -> None:
    """One message a datagram. That nobody listens shows only where the receiver's machine says so, and later."""
    family, _, _, _, target = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.settimeout(_SECONDS)
        sender.connect(target)
        for message in messages:
            sender.send(message)
