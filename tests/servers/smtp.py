"""A mail server on the loopback address: STARTTLS or TLS, one login, and moods. Written from RFC 5321, 3207 and 4954."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message

from tests.servers.loopback import listening

USER, PASSWORD = "gateway", "open sesame"


@dataclass
class Mail:
    sender: str
    recipients: list[str]
    message: Message


@dataclass
class MailServer:
    """`mood`: '' as it should be; 'no starttls', 'silence' (no greeting), 'refuse data', 'dribble' (a letter at a time)."""

    context: ssl.SSLContext
    port: int = 0
    mood: str = ""
    refused: frozenset[str] = frozenset()
    mails: list[Mail] = field(default_factory=list)
    greetings: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.greetings += 1
        if self.mood == "silence":
            await asyncio.sleep(60)
        while self.mood == "dribble":
            writer.write(b"2")
            await writer.drain()
            await asyncio.sleep(0.05)
        is_encrypted = writer.get_extra_info("ssl_object") is not None
        is_known = False
        sender, recipients = "", list[str]()
        await self._say(writer, "220 mail.test ESMTP")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO":
                    offers = ["AUTH PLAIN"] if is_encrypted else [] if self.mood == "no starttls" else ["STARTTLS"]
                    lines = ["mail.test", *offers, "8BITMIME"]
                    await self._say(writer, *(f"250-{each}" for each in lines[:-1]), f"250 {lines[-1]}")
                case "STARTTLS":
                    await self._say(writer, "220 go ahead")
                    await writer.start_tls(self.context)
                    is_encrypted = True
                case "AUTH":
                    given = base64.b64decode(rest.split(" ")[1]).decode().split("\0")
                    is_known = is_encrypted and given[1:] == [USER, PASSWORD]
                    await self._say(writer, "235 welcome" if is_known else "535 no")
                case "MAIL":
                    sender = rest.partition("<")[2].partition(">")[0]
                    await self._say(writer, "250 ok" if is_known else "530 log in first")
                case "RCPT":
                    recipient = rest.partition("<")[2].partition(">")[0]
                    is_refused = recipient in self.refused
                    recipients += [] if is_refused else [recipient]
                    await self._say(writer, "550 nobody here" if is_refused else "250 ok")
                case "DATA":
                    if self.mood == "refuse data":
                        await self._say(writer, "451 the disk is full of SECRET-WORDS")
                        continue
                    await self._say(writer, "354 go on")
                    data = await reader.readuntil(b"\r\n.\r\n")
                    self.mails.append(Mail(sender, recipients, message_from_bytes(data[:-3])))
                    await self._say(writer, "250 taken")
                case "QUIT":
                    await self._say(writer, "221 bye")
                    return
                case _:
                    await self._say(writer, "250 ok")

    async def _say(self, writer: asyncio.StreamWriter, *lines: str) -> None:
        writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await writer.drain()


@asynccontextmanager
async def running_mail_server(context: ssl.SSLContext, *, tls_at_once: bool = False) -> AsyncIterator[MailServer]:
    mail = MailServer(context)
    async with listening(mail.serve, context if tls_at_once else None) as mail.port:
        yield mail
