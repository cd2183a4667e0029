"""Whether values are found as well when they arrive in two pieces, wherever the cut is, as when they arrive whole.

Four ways to be cut: a text that grows by two pieces; an answer in two deltas, each a server-sent event; one delta whose
bytes arrive in two chunks; a long line of a request, which the Guard reads in passages. What counts is what reaches the caller: with a cut
it must be the same as without, with the value taken out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway_ext.dialects.event_stream import InspectedStream
from gateway_ext.dialects.request_edits import Span
from gateway_ext.guard.cache import Match
from gateway_ext.guard.passages import BLOCK
from gateway_ext.guard.rules import Action
from gateway_ext.guard.stream.changes import Decision
from gateway_ext.guard.stream.holding import EVERYTHING
from gateway_ext.guard.stream.text import StreamedText

Find = Callable[[str], Sequence[Match]]

_DONE = b"data: [DONE]\n\n"
_FILLER = "lorem ipsum dolor sit amet consetetur sadipscing elitr sed diam nonumy eirmod tempor "


@dataclass(frozen=True, slots=True)
class Planted:
    """`text[start:end]` is a value of `kind`."""

    text: str
    kind: str
    start: int
    end: int


@dataclass(slots=True)
class SplitScore:
    """How many of the values that are found whole are found at how many of all cuts."""

    values: int = 0
    cuts: int = 0
    found: int = 0

    @property
    def recall(self) -> float:
        return self.found / self.cuts if self.cuts else 1.0


def split_scores(find: Find, planted: Iterable[Planted]) -> dict[str, SplitScore]:
    scores = {name: SplitScore() for name in WAYS}
    for one in planted:
        if not _is_found(find, one.text, one.kind, one.start, one.end):
            continue
        for score, way in zip(scores.values(), WAYS.values(), strict=True):
            results = list(way(find, one))
            score.values += 1
            score.cuts += len(results)
            score.found += sum(results)
    return scores


def _is_found(find: Find, text: str, kind: str, start: int, end: int) -> bool:
    return any(match.kind.name == kind and match.start < end and start < match.end for match in find(text))


def _pieces(find: Find, one: Planted) -> Iterator[bool]:
    whole = _released(find, [one.text])
    for cut in range(one.start, one.end + 1):
        yield _released(find, [one.text[:cut], one.text[cut:]]) == whole


def _deltas(find: Find, one: Planted) -> Iterator[bool]:
    whole = _contents(_answered(find, [_event(one.text), _DONE]))
    for cut in range(one.start, one.end + 1):
        chunks = [_event(one.text[:cut]), _event(one.text[cut:]), _DONE]
        yield _contents(_answered(find, chunks)) == whole


def _chunks(find: Find, one: Planted) -> Iterator[bool]:
    """Cut between bytes: those of one character, and of an escaped one, are cut, too."""
    stream = _event(one.text) + _DONE
    value = json.dumps(one.text[one.start : one.end], ensure_ascii=False)[1:-1].encode()
    place = stream.index(value)
    whole = _answered(find, [stream])
    for cut in range(place, place + len(value) + 1):
        yield _answered(find, [stream[:cut], stream[cut:]]) == whole


def _passages(find: Find, one: Planted) -> Iterator[bool]:
    filler = _FILLER * (2 * BLOCK // len(_FILLER) + 1)
    for cut in range(one.start, one.end + 1):
        before = filler[: 2 * BLOCK - cut - 1] + " "
        text = before + one.text + " " + filler[:BLOCK]
        yield _is_found(find, text, one.kind, len(before) + one.start, len(before) + one.end)


WAYS: Mapping[str, Callable[[Find, Planted], Iterator[bool]]] = {
    "two pieces of a growing text": _pieces,
    "two deltas of an answer": _deltas,
    "two chunks of bytes": _chunks,
    "two passages of a long line": _passages,
}


def _event(content: str) -> bytes:
    document = {"choices": [{"index": 0, "delta": {"content": content}}]}
    return f"data: {json.dumps(document, ensure_ascii=False)}\n\n".encode()


def _contents(stream: bytes) -> str:
    events = [line.removeprefix(b"data: ") for line in stream.split(b"\n") if line.startswith(b"data: {")]
    return "".join(json.loads(event)["choices"][0]["delta"]["content"] for event in events)


def _decided(match: Match) -> Decision:
    return Decision(Action.REDACT, f"[{match.kind.name}]")


def _released(find: Find, pieces: Sequence[str]) -> str:
    """What of a growing text is let go."""
    text, released, position = "", "", 0
    stream = StreamedText(find, _decided, EVERYTHING)
    for number, piece in enumerate(pieces):
        text += piece
        stream.feed(piece)
        if number == len(pieces) - 1:
            stream.finish()
        for edit in stream.take_edits():
            released += text[position : edit.start] + edit.replacement
            position = edit.end
        released += text[position : stream.settled]
        position = stream.settled
    return released


def _answered(find: Find, chunks: Sequence[bytes]) -> bytes:
    """What of an event stream is let go."""
    stream = InspectedStream(strips_usage=False)
    texts: dict[str, StreamedText] = {}
    released = b""
    for chunk in [*chunks, None]:
        for piece in stream.finish() if chunk is None else stream.feed(chunk):
            text = texts.setdefault(piece.channel, StreamedText(find, _decided, EVERYTHING))
            text.feed(piece.text)
            if piece.ends:
                text.finish()
            edits: list[Span] = [(edit.start, edit.end, edit.replacement) for edit in text.take_edits()]
            stream.settle(piece.channel, text.settled, edits)
        released += stream.pop()
    return released
