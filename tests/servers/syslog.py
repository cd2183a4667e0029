"""A syslog receiver on the loopback address: octet counting (RFC 6587, RFC 5425) over TCP or TLS. It answers nothing."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.servers.loopback import listening

_ID = re.compile(rb"externalId=(\S+)")


@dataclass
class SyslogReceiver:
    """`close_after`: messages of a connection, after which it is closed, whatever else has come by then.

    `keeps_ids_only`: of each message only what `record_ids` needs.
    """

    port: int = 0
    close_after: int = 0
    keeps_ids_only: bool = False
    reads: asyncio.Event = field(default_factory=asyncio.Event)  # cleared: it does not read
    messages: list[bytes] = field(default_factory=list)
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reads.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        of_this_connection = 0
        while True:
            await self.reads.wait()
            if writer.transport.is_closing():
                return
            length = int(await reader.readuntil(b" "))
            message = await reader.readexactly(length)
            record_id = _ID.search(message)
            self.messages.append(record_id[0] if record_id and self.keeps_ids_only else message)
            of_this_connection += 1
            if of_this_connection == self.close_after:
                return

    def hang_up(self) -> None:
        """End all connections at once; what was not read is lost."""
        for writer in self.writers:
            writer.transport.abort()

    def record_ids(self) -> list[str]:
        """In the order they came, duplicates too."""
        return [match[1].decode() for each in self.messages if (match := _ID.search(each))]


@asynccontextmanager
async def running_syslog(tls: ssl.SSLContext | None = None) -> AsyncIterator[SyslogReceiver]:
    receiver = SyslogReceiver()
    async with listening(receiver.serve, tls) as receiver.port:
        yield receiver
