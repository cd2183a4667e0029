"""One text that grows from event to event: as it came, as the Guard reads it, and what is to be changed in it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway_ext.dialects.embedded_json import escape
from gateway_ext.dialects.event_json import JsonTextDecoder
from gateway_ext.dialects.request_edits import Span


class GrowingText:
    """The Guard reads JSON without its escapes: arguments, and whatever begins like an object or a list.

    Positions are code points from the start of the text: `settle` counts in the reading, all else in the text as it came.
    """

    __slots__ = (
        "_decoder",
        "_is_json",
        "_may_be_json",
        "_read_length",
        "_settled",
        "_settled_raw",
        "_spans",
        "channel",
        "length",
        "place",
        "silent_characters",
    )

    def __init__(self, channel: str, place: str, *, is_json: bool) -> None:
        self.channel = channel
        self.place = place
        self.length = 0
        self.silent_characters = 0  # by how much others have grown since this one has
        self._is_json = is_json
        self._may_be_json = not is_json
        self._decoder = JsonTextDecoder() if is_json else None
        self._read_length = 0
        self._settled = self._settled_raw = 0
        self._spans: list[Span] = []

    def feed(self, piece: str) -> str:
        """What the Guard is to read next."""
        if self._may_be_json and (begin := piece.lstrip()[:1]):
            self._may_be_json = False
            if begin in {"{", "["}:
                self._decoder = JsonTextDecoder(self.length)
        self.length += len(piece)
        self.silent_characters = 0
        read = self._decoder.feed(piece) if self._decoder else piece
        self._read_length += len(read)
        return read

    def finish(self) -> str:
        """What is left to read when no piece will follow."""
        read = self._decoder.finish() if self._decoder else ""
        self._read_length += len(read)
        return read

    def settle(self, settled: int, edits: Sequence[Span]) -> None:
        """Nothing before `settled` will change any more but by the edits given until now. Raises ValueError for nonsense.

        Each edit is given once, lies before `settled` and not before what was settled earlier.
        """
        if not self._settled <= settled <= self._read_length:
            raise ValueError("a text is settled forwards, and no further than it has been read")
        done = self._settled
        for start, end, replacement in sorted(edits):
            if not done <= start < end <= settled:
                raise ValueError("an edit must lie within what becomes settled, and apart from the others")
            self._spans.append(self._raw_span(start, end, replacement))
            done = end
        self._settled = settled
        self._settled_raw = self._decoder.position(settled) if self._decoder else settled

    def is_settled(self, end: int) -> bool:
        """Whether all of the text before `end` may be released."""
        return self._settled_raw >= end

    def release(self, start: int, piece: str) -> str:
        """`piece`, at `start` of the text, with the edits applied. In order, each piece once.

        A replacement stands in the piece in which its span begins; the rest of the span vanishes from those after it.
        """
        end = start + len(piece)
        if self._decoder:
            self._decoder.forget(end)
        if not self._spans or self._spans[0][0] >= end:
            return piece
        parts: list[str] = []
        position = start
        for first, last, replacement in self._spans:
            if first >= end:
                break
            if first >= start:
                parts += piece[position - start : first - start], replacement
            position = last  # maybe beyond the piece: then nothing of it is left
        self._spans = [span for span in self._spans if span[1] > end]
        return "".join((*parts, piece[position - start :]))

    def _raw_span(self, start: int, end: int, replacement: str) -> Span:
        """The span in the text as it came. In JSON, what replaces part of a string stays one, a number becomes one."""
        if self._decoder is None:
            return start, end, replacement
        first, last = self._decoder.position(start), self._decoder.position(end)
        replacement = escape(replacement)
        if self._is_json and not self._decoder.is_inside_string(first):
            replacement = f'"{replacement}"'
        return first, last, replacement
