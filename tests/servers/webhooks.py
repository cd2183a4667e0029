"""A receiver of webhooks on the loopback address that takes, fails, delays, answers by half or redirects."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.servers.loopback import listening


@dataclass
class Receiver:
    """`behave` holds what is done with each next message, the last one for all that follow."""

    port: int = 0
    behave: list[str] = field(default_factory=lambda: ["take"])
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)  # headers and body
    seen: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().split("\r\n")[1:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.seen += 1
        behaviour = self.behave.pop(0) if len(self.behave) > 1 else self.behave[0]
        await self._answer(behaviour, headers, body, writer)

    async def _answer(self, behaviour: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        match behaviour:
            case "take":
                self.taken.append((headers, body))
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            case "take and hang up":  # it has it, and nobody learns of that
                self.taken.append((headers, body))
                return
            case "take and never end":  # the status is all that counts
                self.taken.append((headers, body))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nhalf")
                await writer.drain()
                await asyncio.sleep(5)
            case "half":
                writer.write(b"HTTP/1.1 20")
            case "silence":
                await asyncio.sleep(60)
            case "redirect":
                writer.write(b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n")
            case status:
                writer.write(f"HTTP/1.1 {status} Whatever\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def running_receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with listening(receiver.serve, tls) as receiver.port:
        yield receiver
