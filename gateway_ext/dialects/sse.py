"""Server-sent events, cut and read as WHATWG HTML §9.2.6 "Interpreting an event stream" says. Incremental, bounded.

Every byte of the stream comes back exactly once: in the `raw` of an event, or from `finish()`. Forwarding all of them
reproduces the stream; leaving some out removes those events and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway_ext import limits
from gateway_ext.errors import GatewayError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END = rb"(?:\n|\r\n?+)"  # possessive: CRLF is one line end, never two
_BLANK_LINE = re.compile(_LINE_END)
_EVENT_END = re.compile(_LINE_END + _LINE_END)
_EVENT_END_BYTES_MAX = 4
_WORD = re.compile(rb" ?[a-z_.]{0,64}")


class StreamMalformed(GatewayError):  # noqa: N818  (named as the errors of errors.py are)
    """A provider's event stream breaks a bound. The rest of it cannot be trusted to be read as it will be received."""


@dataclass(frozen=True, slots=True)
class SseEvent:
    """A block of lines up to and including its blank line. Empty `data`: a comment or nothing; clients ignore it.

    `raw` are its bytes as received. `event` is the type, `data` the data lines joined with LF, not yet decoded.
    """

    raw: bytes
    event: str
    data: bytes


class SseParser:
    """One stream. Feed it chunks as they come; after StreamMalformed it stays unusable."""

    __slots__ = ("_buffer", "_is_start", "_may_continue_line_end", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # no event ends before this offset
        self._is_start = True
        self._may_continue_line_end = False  # the last event ended with CR: an LF now still belongs to that line end

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """The events that `chunk` completes. Raises StreamMalformed past limits.SSE_EVENT_BYTES_MAX in one event."""
        self._buffer += chunk
        events: list[SseEvent] = []
        while (end := self._find_event_end()) is not None:
            _refuse_large(end)
            raw = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._searched = 0
            self._may_continue_line_end = raw.endswith(b"\r")
            events.append(_read(raw.removeprefix(_BYTE_ORDER_MARK) if self._is_start else raw, raw))
            self._is_start = False
        _refuse_large(len(self._buffer))
        return events

    def finish(self) -> bytes:
        """What came after the last blank line. Clients discard it, unless it is still to be completed."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def finish_event(self) -> SseEvent | None:
        """What finish() returns, read as if its blank line had come; None when there is nothing."""
        is_start, rest = self._is_start, self.finish()
        return _read(rest.removeprefix(_BYTE_ORDER_MARK) if is_start else rest, rest) if rest else None

    def _find_event_end(self) -> int | None:
        first = 1 if self._may_continue_line_end and self._buffer.startswith(b"\n") else 0
        if blank_line := _BLANK_LINE.match(self._buffer, first):
            return blank_line.end()
        if event_end := _EVENT_END.search(self._buffer, max(first, self._searched)):
            return event_end.end()
        self._searched = max(0, len(self._buffer) - _EVENT_END_BYTES_MAX + 1)
        return None


def replace_data(raw: bytes, data: bytes, *, keeps_other_lines: bool = True) -> bytes:
    """The block `raw` with `data`, which has no line end in it, instead of what it carries.

    All other lines stay as they are, or go, except for the event's type when it is a plain word.
    """
    lines: list[bytes] = []
    is_written = False
    for number, line in enumerate(raw.splitlines(keepends=True)):
        content = line.rstrip(b"\r\n")
        name, _, value = (content.removeprefix(_BYTE_ORDER_MARK) if number == 0 else content).partition(b":")
        if name == b"data":
            if not is_written:
                lines.append(b"data: " + data + line[len(content) :])
            is_written = True
        elif keeps_other_lines or not content or (name == b"event" and _WORD.fullmatch(value)):
            lines.append(line)
    return b"".join(lines)


def other_lines(event: SseEvent) -> str:
    """What a block says outside of its data, for people or for scripts: comments, ids, unknown fields, odd types."""
    if event.data and _WORD.fullmatch(event.event.encode()):
        framing = len("data: \r\n\r\n") + (len("event: \r\n") + len(event.event) if event.event else 0)
        if len(event.raw) - len(event.data) <= framing:  # the common case: no room for anything else
            return ""
    said: list[bytes] = []
    for line in event.raw.removeprefix(_BYTE_ORDER_MARK).splitlines():
        name, _, value = line.partition(b":")
        if line and name != b"data" and not (name == b"event" and _WORD.fullmatch(value)):
            said.append(line)
    return b"\n".join(said).decode("utf-8", errors="replace")


def _refuse_large(event_bytes: int) -> None:
    if event_bytes > limits.SSE_EVENT_BYTES_MAX:
        raise StreamMalformed("the provider sent a server-sent event larger than the gateway accepts")


def _read(block: bytes, raw: bytes) -> SseEvent:
    event = ""
    data: list[bytes] = []
    for line in block.splitlines():  # of bytes: at CR, LF and CRLF only, as the standard has it
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name == b"event":
            event = value.removeprefix(b" ").decode("utf-8", errors="replace")
    return SseEvent(raw=raw, event=event, data=b"\n".join(data))
