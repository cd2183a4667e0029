"""Internet messages (RFC 5322, MIME RFC 2045): .eml files."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from typing import Any

from gateway_ext.attachments.bounds import Unreadable
from gateway_ext.attachments.reading import Reading

_HEAD_BYTES = 64 * 1024
_FIELDS = re.compile(rb"\A(?:[!-9;-~]{1,76}:[^\n]{0,2000}\n(?:[ \t][^\n]{0,2000}\n){0,200}+){2,200}+(?:\r?\n|\Z)")
_DISTINCTIVE = re.compile(
    rb"^(?:MIME-Version|Content-Transfer-Encoding|Received|Message-ID):", re.IGNORECASE | re.MULTILINE
)
_BOUNDARY = re.compile(rb"boundary[ \t]*[=*]", re.IGNORECASE)
_MULTIPARTS_MAX = 12  # each line is compared with the boundaries of all that it lies in
_LINES_MAX = 400_000  # of 76 characters: what fits into a request
_HEADER_CHARACTERS_MAX = 4_000

Descend = Callable[[bytes, str], None]
"""Reads bytes, with the charset declared for them, into the same Reading."""


def is_mail(data: bytes) -> bool:
    head = _FIELDS.match(data[:_HEAD_BYTES])
    return head is not None and _DISTINCTIVE.search(head[0]) is not None


def read_mail(data: bytes, reading: Reading, descend: Descend) -> None:
    """The header fields and all parts. Raises Unreadable for what is nested too deeply to be parsed."""
    reading.bounds.charge_members(data.count(b"\n--") // 2)  # boundaries, before an object is made for each part
    if len(_BOUNDARY.findall(data)) > _MULTIPARTS_MAX or data.count(b"\n") > _LINES_MAX:
        raise Unreadable("message/rfc822; parts", "a mail with more parts within parts than can be read")
    try:
        parts: list[Message[Any, Any]] = list(message_from_bytes(data).walk())
    except (MessageError, RecursionError, ValueError, LookupError):
        raise Unreadable("message/rfc822; damaged", "a damaged mail; save it again") from None
    for part in parts:
        fields = "".join(f"{name}: {_words(str(value))}\n" for name, value in part.items())
        reading.bounds.charge_text(len(fields))
        reading.texts.append(_sound(fields))
        if not part.is_multipart():
            descend(_body(part), _charset(part))
        for stray in (part.preamble, part.epilogue):
            reading.add_aside(_sound(str(stray or "").strip()))
    if any(part.defects for part in parts):  # not all of it is encoded as it says
        reading.add_aside(data.decode("utf-8", "replace"))


def _body(part: Message[Any, Any]) -> bytes:
    try:
        body = part.get_payload(decode=True)
    except (ValueError, LookupError):
        raise Unreadable("message/rfc822; damaged", "a damaged mail; save it again") from None
    return body if isinstance(body, bytes) else b""


def _charset(part: Message[Any, Any]) -> str:
    try:
        return str(part.get_content_charset() or "")
    except (ValueError, LookupError):
        return ""


def _words(value: str) -> str:
    """A field with its encoded words (RFC 2047) decoded; as it stands if they cannot be."""
    if "=?" not in value or len(value) > _HEADER_CHARACTERS_MAX:
        return value
    try:
        pieces = decode_header(value)
        return "".join(
            piece.decode(charset or "ascii", "replace") if isinstance(piece, bytes) else piece
            for piece, charset in pieces
        )
    except (HeaderParseError, LookupError, ValueError):
        return value


def _sound(text: str) -> str:
    """Bytes that are no ASCII are kept as halves of surrogate pairs: here they are read as UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
