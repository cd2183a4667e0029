"""A response that the processor reads for its usage: bytes in, bytes out, and what they cost."""

from __future__ import annotations

import orjson

from gateway_ext.dialects.sse import SseParser
from gateway_ext.dialects.usage import StreamMeter, usage_from_document
from gateway_ext.exchange import Usage


class MeteredStream:
    """An event stream on its way to the caller. Chunks leave in whole events, so that one can be left out."""

    __slots__ = ("_meter", "_parser", "total_bytes")

    def __init__(self, *, strips_usage: bool) -> None:
        self._parser = SseParser()
        self._meter = StreamMeter(asked_for_usage=not strips_usage)
        self.total_bytes = 0

    def feed(self, chunk: bytes) -> bytes:
        """What of the stream may go out now. Raises StreamMalformed."""
        self.total_bytes += len(chunk)
        events = self._parser.feed(chunk)
        return b"".join([event.raw for event in events if not self._meter.see(event)])

    def finish(self) -> bytes:
        """What is left when the upstream has ended: an event that was never completed."""
        return self._parser.finish()

    @property
    def usage(self) -> Usage | None:
        return self._meter.usage

    @property
    def seen_tokens(self) -> int:
        """How many tokens of output have come at most; never fewer than before."""
        return self._meter.seen.tokens

    @property
    def saw_end(self) -> bool:
        """Whether the provider marked the end, as opposed to just stopping."""
        return self._meter.is_complete

    @property
    def output_events(self) -> int:
        """Events that carried output."""
        return self._meter.seen.events


def usage_of_body(body: bytes) -> Usage | None:
    """The usage that a JSON answer reports; None when it reports none or is no JSON."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return usage_from_document(document)
