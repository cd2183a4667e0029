"""What a provider says it used: read from JSON answers and from event streams. Garbage is no usage, never an error."""

from __future__ import annotations

import re
from typing import Any

import orjson

from gateway_ext.dialects.seen_output import SeenOutput
from gateway_ext.dialects.sse import SseEvent
from gateway_ext.exchange import Usage

_TOKENS_MAX = 1_000_000_000  # more cannot be meant
_UNREAD = object()
_STREAM_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "message_stop"})
_DELTAS = (".delta", "content_block_delta", "content_block_start")
_REPORTS_USAGE = re.compile(rb'"usage"\s*:\s*\{')  # not null; inside a string the quotes would be escaped
_NAMES_STREAM_END = re.compile(rb'"type"\s*:\s*"(?:response\.(?:completed|incomplete|failed)|message_stop)"')


def usage_from_document(document: object) -> Usage | None:
    """The usage in a parsed answer or stream event of any endpoint; None when absent, partial or absurd.

    Chat, completions and embeddings count `prompt_tokens` and `completion_tokens`; responses `input_tokens` and
    `output_tokens`, in streams below `response`. Embeddings leave out the output: then it is what the total leaves.
    Messages leave tokens read from and written to the cache out of the `input_tokens`; here they are included. A kind of
    which there are more than there are tokens is not believed.
    """
    return _usage(_counts(document))


def _counts(document: object) -> object:
    """The object with the counts, wherever the endpoint has it."""
    return _member(document, "usage") or next(
        (counts for key in ("response", "message") if (counts := _member(_member(document, key), "usage"))), None
    )


def _usage(counts: object) -> Usage | None:
    for side_in, side_out in (("prompt", "completion"), ("input", "output")):
        input_tokens = _tokens(_member(counts, f"{side_in}_tokens"))
        output_tokens = _tokens(_member(counts, f"{side_out}_tokens"))
        total_tokens = _tokens(_member(counts, "total_tokens"))
        if input_tokens is None:
            continue
        if output_tokens is None and total_tokens is not None and _member(counts, f"{side_out}_tokens") is None:
            output_tokens = _tokens(total_tokens - input_tokens)
        if output_tokens is None:
            return None
        if side_in == "input" and _member(counts, "input_tokens_details") is None:
            return _message_usage(counts, input_tokens, output_tokens)
        return _with_kinds(counts, side_in, side_out, input_tokens, output_tokens)
    return None


def _with_kinds(counts: object, side_in: str, side_out: str, input_tokens: int, output_tokens: int) -> Usage:
    """Of OpenAI's dialect: kinds are parts of the two counts. Sound and pictures are told apart by chat completions only."""
    details_in, details_out = (_member(counts, f"{side}_tokens_details") for side in (side_in, side_out))
    media_in, media_out = (details_in, details_out) if side_in == "prompt" else (None, None)
    return Usage(
        input_tokens,
        output_tokens,
        _part(details_in, "cached_tokens", input_tokens),
        cache_write_tokens=_part(details_in, "cache_write_tokens", input_tokens),
        reasoning_tokens=_part(details_out, "reasoning_tokens", output_tokens),
        audio_input_tokens=_part(media_in, "audio_tokens", input_tokens),
        audio_output_tokens=_part(media_out, "audio_tokens", output_tokens),
        image_input_tokens=_part(media_in, "image_tokens", input_tokens),
        image_output_tokens=_part(media_out, "image_tokens", output_tokens),
    )


def _message_usage(counts: object, fresh_tokens: int, output_tokens: int) -> Usage:
    """Of Anthropic's dialect: what went through the cache comes on top of the input."""
    cached_tokens = _tokens(_member(counts, "cache_read_input_tokens")) or 0
    written_tokens = _tokens(_member(counts, "cache_creation_input_tokens")) or 0
    return Usage(
        fresh_tokens + cached_tokens + written_tokens,
        output_tokens,
        cached_tokens,
        cache_write_tokens=written_tokens,
        cache_write_1h_tokens=_part(_member(counts, "cache_creation"), "ephemeral_1h_input_tokens", written_tokens),
        reasoning_tokens=_part(_member(counts, "output_tokens_details"), "thinking_tokens", output_tokens),
    )


class StreamMeter:
    """Watches one event stream go by. An event is parsed only when it reports usage.

    `usage` is the last one reported; what a message starts with counts only together with what follows. `seen` counts
    what carried output, for estimates: not usage chunks, end marks, nor events with a type other than a delta, which
    repeat the output as a whole. `is_complete` tells whether the provider marked the stream's end.
    """

    __slots__ = ("_asked_for_usage", "_started", "is_complete", "seen", "usage")

    def __init__(self, asked_for_usage: bool) -> None:
        self._asked_for_usage = asked_for_usage
        self._started: dict[str, Any] = {}  # the counts a message began with
        self.usage: Usage | None = None
        self.seen = SeenOutput()
        self.is_complete = False

    def see(self, event: SseEvent, document: object = _UNREAD) -> bool:
        """Meter the event. True when it is a usage chunk that the caller did not ask for and must not receive.

        `document` is its data if that has been parsed already.
        """
        data = event.data
        if not data:
            return False
        if event.event in _STREAM_ENDS or data.strip() == b"[DONE]" or (not event.event and _names_stream_end(data)):
            self.is_complete = True
        is_usage_chunk = self._read_usage(data, document)
        if not is_usage_chunk and data.strip() != b"[DONE]" and (not event.event or event.event.endswith(_DELTAS)):
            self.seen.see(data)
        return is_usage_chunk and not self._asked_for_usage

    def _read_usage(self, data: bytes, document: object) -> bool:
        """Whether the event reports usage and nothing else."""
        if b'"usage"' not in data or not _REPORTS_USAGE.search(data):
            return False
        if document is _UNREAD:
            try:
                document = orjson.loads(data)
            except orjson.JSONDecodeError:
                return False
        counts = _counts(document)
        if isinstance(counts, dict):
            if _member(document, "type") == "message_start":
                self._started = counts
            else:
                given = {name: value for name, value in counts.items() if value is not None}
                self.usage = _usage({**self._started, **given}) or self.usage
        return _member(document, "choices") == [] and isinstance(_member(document, "usage"), dict)


def _names_stream_end(data: bytes) -> bool:
    return (b'"response.' in data or b'"message_stop"' in data) and _NAMES_STREAM_END.search(data) is not None


def _member(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _tokens(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _TOKENS_MAX else None


def _part(details: object, name: str, whole_tokens: int) -> int:
    tokens = _tokens(_member(details, name)) or 0
    return tokens if tokens <= whole_tokens else 0
