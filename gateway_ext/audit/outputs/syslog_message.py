"""Syslog messages (RFC 5424) and how they are told apart on a stream (RFC 6587, octet counting; RFC 5425)."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event

_FACILITY_LOG_AUDIT = 13
_WARNING, _INFORMATIONAL = 4, 6
_NIL = "-"
_NOT_PRINTABLE_ASCII = re.compile(r"[^\x21-\x7e]")


def syslog_message(event: Event, content: str, hostname: str) -> bytes:
    """`content` as the message, in UTF-8 without a byte order mark, which readers of CEF do not expect."""
    severity = _WARNING if semconv.is_noteworthy(event) else _INFORMATIONAL
    time = datetime.fromtimestamp(event.time_unix_nano // 1_000_000_000, UTC)
    microseconds = event.time_unix_nano // 1000 % 1_000_000
    fields = (
        f"<{_FACILITY_LOG_AUDIT * 8 + severity}>1",
        f"{time:%Y-%m-%dT%H:%M:%S}.{microseconds:06}Z",
        _name(hostname, 255),
        "gateway-ext",
        _name(event.processor, 128),
        _name(event.name, 32),
        _NIL,  # no structured data
        content,
    )
    return " ".join(fields).encode("utf-8", "replace")


def counted(message: bytes) -> bytes:
    """The message behind its length in bytes."""
    return b"%d %s" % (len(message), message)


def _name(text: str, characters_max: int) -> str:
    return _NOT_PRINTABLE_ASCII.sub("_", text)[:characters_max] or _NIL
