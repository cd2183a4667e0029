"""What clients of each dialect make of an event stream, put together as their documentation says. For tests."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from gateway_ext.dialects.event_queue import Piece
from gateway_ext.dialects.event_stream import InspectedStream
from gateway_ext.dialects.sse import SseParser

TRANSCRIPTS = {path.stem: path.read_bytes() for path in sorted(Path(__file__).with_name("transcripts").glob("*.sse"))}


def documents(stream: bytes) -> list[dict[str, Any]]:
    parser = SseParser()
    events = [*parser.feed(stream), parser.finish_event()]
    return [orjson.loads(event.data) for event in events if event and event.data.strip() not in (b"", b"[DONE]")]


def received(stream: bytes) -> dict[str, str]:
    """Every growing text that a client ends up with, by a name of its own."""
    texts: defaultdict[str, str] = defaultdict(str)
    for document in documents(stream):
        for choice in document.get("choices", []):
            for key, value in [("text", choice.get("text")), *choice.get("delta", {}).items()]:
                if key in ("content", "reasoning_content", "text") and value:
                    texts[f"{choice['index']} {key}"] += value
            for call in choice.get("delta", {}).get("tool_calls", []):
                texts[f"{choice['index']} call {call['index']}"] += call["function"]["arguments"]
        delta = document.get("delta")
        if isinstance(delta, str):
            texts[f"{document['output_index']} {document['type']}"] += delta
        elif delta and document["type"] == "content_block_delta":
            for key in ("text", "thinking", "partial_json"):
                texts[f"{document['index']} {key}"] += delta.get(key, "")
    return {name: text for name, text in texts.items() if text}


NEEDLE = "CONFIDENTIAL-7"


class ReplacingGuard:
    """Replaces NEEDLE in what it reads, and settles no more than it must: all but the `held_back` last code points."""

    def __init__(self, replacement: str | None, held_back: int = len(NEEDLE) - 1) -> None:
        self._replacement = replacement  # None: change nothing
        self._held_back = max(held_back, len(NEEDLE) - 1)
        self._read: defaultdict[str, str] = defaultdict(str)
        self._settled: defaultdict[str, int] = defaultdict(int)

    def judge(self, piece: Piece) -> tuple[str, int, list[tuple[int, int, str]]]:
        """The arguments to settle with."""
        text = self._read[piece.channel] = self._read[piece.channel] + piece.text
        start = self._settled[piece.channel]
        settled = len(text) if piece.ends else max(start, len(text) - self._held_back)
        edits: list[tuple[int, int, str]] = []
        while self._replacement is not None and (at := text.find(NEEDLE, start)) >= 0 and at < settled:
            start = at + len(NEEDLE)
            edits.append((at, start, self._replacement))
            settled = max(settled, start)
        self._settled[piece.channel] = settled
        return piece.channel, settled, edits


def inspected(chunks: Iterable[bytes], guard: ReplacingGuard, *, strips_usage: bool = False) -> bytes:
    """The stream as it goes out."""
    stream = InspectedStream(strips_usage=strips_usage)
    out = b""
    for pieces in [*map(stream.feed, chunks), None]:
        for piece in stream.finish() if pieces is None else pieces:
            stream.settle(*guard.judge(piece))
        out += stream.pop()
    return out
