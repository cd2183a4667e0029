"""Events of a stream, held until the Guard has settled all texts in them. They leave in the order in which they came.

Each text has a channel: a growing one for as long as it grows, a whole one (an error's message, a text repeated at its
end) for itself. What the Guard leaves alone leaves byte by byte as it came.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway_ext import limits
from gateway_ext.dialects.answer_texts import ANSWER_ROLE
from gateway_ext.dialects.answers import edit_texts, replace_text
from gateway_ext.dialects.event_growth import GrowingText
from gateway_ext.dialects.event_texts import End, EventTexts, GrowingPiece, read_document
from gateway_ext.dialects.request_edits import Draft, Span
from gateway_ext.dialects.request_texts import Pointer
from gateway_ext.dialects.sse import SseEvent, StreamMalformed, other_lines, replace_data
from gateway_ext.dialects.strict_json import encode
from gateway_ext.exchange import Text
from gateway_ext.verdict import Edit


@dataclass(frozen=True, slots=True)
class Piece:
    """What the Guard reads next on `channel`; after one that `ends` there comes no more. `is_whole`: the only one.

    `is_key` marks an object key, which cannot be changed in place: no edits, only a block.
    """

    channel: str
    place: str
    text: str = field(repr=False)
    ends: bool = False
    is_whole: bool = False
    is_key: bool = False


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """The same to read, with pieces of one channel that follow each other as one: what many events bring costs less at once."""
    found: list[Piece] = []
    texts: list[str] = []
    for index, piece in enumerate(pieces):
        texts.append(piece.text)
        if index + 1 == len(pieces) or pieces[index + 1].channel != piece.channel:
            found.append(piece if len(texts) == 1 else replace(piece, text="".join(texts)))
            texts = []
    return found


@dataclass(slots=True)
class _Held:
    event: SseEvent
    document: dict[str, Any] | None
    whole: tuple[Text, ...]  # one without a pointer, for what is outside of the data, comes last
    unsettled: int  # of the whole texts
    growing: list[tuple[Pointer, GrowingText, int, str]] = field(default_factory=list)  # where, which, from, piece
    edits: list[Edit] = field(default_factory=list)
    keeps_other_lines: bool = True
    is_parsed: bool = True  # else `document` is read when it is needed

    def is_settled(self) -> bool:
        return not self.unsettled and all(text.is_settled(start + len(raw)) for _, text, start, raw in self.growing)

    def render(self) -> bytes:
        changed = [
            (pointer, released)
            for pointer, text, start, raw in self.growing
            if (released := text.release(start, raw)) != raw
        ]
        if not changed and not self.edits and self.keeps_other_lines:
            return self.event.raw
        data = self.event.data
        document = self.document if self.is_parsed else read_document(self.event)
        if document is not None:
            draft = Draft(document)
            edit_texts(draft, [text for text in self.whole if text.pointer], self.edits)
            for pointer, value in changed:
                replace_text(draft, pointer, value)
            data = encode(draft.document)
        return replace_data(self.event.raw, data, keeps_other_lines=self.keeps_other_lines)


class EventQueue:
    """`push` events, give the pieces to the Guard, `settle` what it says, `pop` what may go out.

    A text ends when the provider says so, or when it stops growing while others of the same choice go on: what was held
    back of its end would else hold back theirs. If it grows again after that, it is read as a new text.
    """

    __slots__ = (
        "_complete",
        "_events",
        "_growing",
        "_held_bytes",
        "_is_over",
        "_open",
        "_pushed",
        "_texts",
        "_whole",
    )

    def __init__(self) -> None:
        self._events: deque[_Held] = deque()
        self._held_bytes = 0
        self._pushed = 0
        self._open: defaultdict[str, dict[str, GrowingText]] = defaultdict(dict)  # by group and name
        self._complete: set[tuple[str, str]] = set()  # by what the provider said
        self._texts = 0
        self._growing: dict[str, GrowingText] = {}  # by channel
        self._whole: dict[str, tuple[_Held, int]] = {}
        self._is_over = False

    def push_piece(self, event: SseEvent, piece: GrowingPiece) -> list[Piece]:
        """The pieces to read of an event that holds nothing but `piece`. Raises StreamMalformed."""
        held = _Held(event, None, (), unsettled=0, is_parsed=False)
        self._hold(held)
        return self._read_growing(held, piece)

    def push(self, event: SseEvent, document: dict[str, Any] | None, texts: EventTexts) -> list[Piece]:
        """The pieces to read. `document` and `texts` are what event_texts.py made of the event. Raises StreamMalformed."""
        said = other_lines(event)
        whole = (*texts.whole, Text((), "", ANSWER_ROLE, said)) if said else texts.whole
        held = _Held(event, document, whole, unsettled=len(whole))
        self._hold(held)
        pieces = [self._read_whole(held, index) for index in range(len(whole))]
        for piece in texts.growing:
            pieces += self._read_growing(held, piece)
        for end in texts.ends:
            pieces += self._end(end)
        return pieces

    def finish(self) -> list[Piece]:
        """The stream has ended: every text that still grew ends."""
        return self._end(End(None))

    def settle(self, channel: str, settled: int, edits: Sequence[Span] = ()) -> None:
        """The first `settled` code points that were read on `channel` are final, but for `edits` (see GrowingText.settle).

        Raises ValueError for what cannot be: settling backwards, edits in what was settled before, half of a whole text.
        """
        if channel in self._growing:
            self._growing[channel].settle(settled, edits)
            return
        held, index = self._whole[channel]
        text = held.whole[index]
        if settled != len(text.value) or (text.is_key and edits):
            raise ValueError("a whole text is settled at once, and a key cannot be changed")
        del self._whole[channel]
        held.unsettled -= 1
        if text.pointer:
            held.edits += [Edit(index, start, end, replacement) for start, end, replacement in edits]
        elif edits:
            held.keeps_other_lines = False

    def pop(self) -> bytes:
        """The events at the head of the queue that are settled; those with edits encoded anew."""
        out: list[bytes] = []
        while self._events and self._events[0].is_settled():
            held = self._events.popleft()
            self._held_bytes -= len(held.event.raw)
            out.append(held.render())
        return b"".join(out)

    def _hold(self, held: _Held) -> None:
        self._pushed += 1
        self._events.append(held)
        self._held_bytes += len(held.event.raw)
        if len(self._events) > limits.STREAM_HELD_EVENTS_MAX or self._held_bytes > limits.STREAM_HELD_BYTES_MAX:
            raise StreamMalformed("the provider sent more events than the gateway holds until a text is settled")

    def _read_whole(self, held: _Held, index: int) -> Piece:
        text = held.whole[index]
        channel = f"event {self._pushed}/{index}"
        self._whole[channel] = held, index
        return Piece(channel, text.place, text.value, ends=True, is_whole=True, is_key=text.is_key)

    def _read_growing(self, held: _Held, piece: GrowingPiece) -> list[Piece]:
        group = self._open[piece.group]
        text = group.get(piece.name) or self._begin(piece)
        held.growing.append((piece.pointer, text, text.length, piece.value))
        pieces: list[Piece] = []
        for name, other in list(group.items()):
            if other is not text:
                other.silent_characters += len(piece.value)
                if other.silent_characters > limits.STREAM_SILENT_CHARACTERS:
                    pieces.append(self._finish(group.pop(name)))
        if read := text.feed(piece.value):
            pieces.append(Piece(text.channel, piece.place, read))
        return pieces

    def _begin(self, piece: GrowingPiece) -> GrowingText:
        if self._is_over or (piece.group, piece.name) in self._complete:
            raise StreamMalformed("the provider went on with a text after it had said that the text was complete")
        self._texts += 1
        if self._texts > limits.STREAM_TEXTS_MAX:
            raise StreamMalformed("the provider sent more texts in one stream than the gateway keeps apart")
        text = GrowingText(f"text {self._texts}", piece.place, is_json=piece.is_json)
        self._open[piece.group][piece.name] = self._growing[text.channel] = text
        return text

    def _end(self, end: End) -> list[Piece]:
        self._is_over |= end.group is None
        pieces: list[Piece] = []
        for group in [end.group] if end.group is not None else list(self._open):
            texts = self._open.get(group, {})
            for name in [name for name in texts if name.startswith(end.prefix)]:
                self._complete.add((group, name))
                pieces.append(self._finish(texts.pop(name)))
        return pieces

    def _finish(self, text: GrowingText) -> Piece:
        return Piece(text.channel, text.place, text.finish(), ends=True)
