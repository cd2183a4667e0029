"""Chunks of a chat completion as events of Messages."""

from __future__ import annotations

from typing import Any

from gateway_ext import limits
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.dialects.translation.chat_answer import head
from gateway_ext.dialects.translation.chat_pieces import (
    CallPiece,
    Part,
    call_pieces,
    message_of,
    only_choice,
    string,
    text_pieces,
)
from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.errors import ProviderError, messages_error
from gateway_ext.dialects.translation.events import EventTranslator, typed_event
from gateway_ext.dialects.translation.identities import tool_use_id
from gateway_ext.dialects.translation.stop_reasons import stop_reason, stop_sequence
from gateway_ext.dialects.translation.thinking import wants_thoughts
from gateway_ext.dialects.translation.usage import messages_usage


class EventsFromChat(EventTranslator):
    """A StreamTranslator. Blocks of text end when another begins; those of calls at the end, as calls may grow by turns."""

    __slots__ = (
        "_answer_id",
        "_asked",
        "_blocks",
        "_calls",
        "_finish_reason",
        "_has_started",
        "_refuses",
        "_sequence",
        "_speaks",
        "_thinks",
    )

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._asked = asked
        self._thinks = wants_thoughts(asked.document.get("thinking"))
        self._answer_id = ""
        self._has_started = False
        self._blocks = 0  # that have begun
        self._speaks: tuple[int, Part] | None = None  # the open block of text
        self._calls: dict[int, tuple[int, str]] = {}  # by index of the call: its open block, its id
        self._finish_reason: object = None
        self._sequence: str | None = None
        self._refuses = False

    def _translated(self, document: dict[str, Any]) -> bytes:
        choice = only_choice(document)
        if choice is None:  # usage, or what some servers say of the request before they answer it
            return b""
        out = self._start(document)
        delta = message_of(choice)
        out += b"".join([self._say(part, text) for part, text in text_pieces(delta) if text])
        out += b"".join([self._call(piece) for piece in call_pieces(delta)])
        if (reason := choice.get("finish_reason")) is not None:
            self._finish_reason, self._sequence = reason, stop_sequence(choice, self._asked)
        return out

    def _start(self, document: dict[str, Any]) -> bytes:
        if self._has_started:
            return b""
        self._has_started = True
        self._answer_id = string(document.get("id"))
        return typed_event({"type": "message_start", "message": head(document, self._asked)})

    def _say(self, part: Part, text: str) -> bytes:
        if part is Part.THOUGHT and not self._thinks:
            return b""
        self._refuses |= part is Part.REFUSAL
        kind = "thinking" if part is Part.THOUGHT else "text"
        out = b""
        if self._speaks is None or self._speaks[1] is not part:
            empty = {"type": kind, kind: "", **({"signature": ""} if kind == "thinking" else {})}
            out = self._fall_silent()
            self._speaks = (self._blocks, part)
            out += self._start_block(empty)
        assert self._speaks is not None
        return out + _delta(self._speaks[0], {"type": f"{kind}_delta", kind: text})

    def _call(self, piece: CallPiece) -> bytes:
        """A call that was not known, or the next piece of one. Some servers number calls alike: a new id is a new call."""
        out = b""
        known = self._calls.get(piece.index)
        if known is not None and piece.call_id not in ("", known[1]):
            out = _stop(known[0])
            known = None
        if known is None:
            if not piece.name:
                raise StreamMalformed("the provider sent arguments of a tool call that it has not named")
            out += self._fall_silent()
            known = (self._blocks, piece.call_id)
            identity = tool_use_id(piece.call_id, self._answer_id, piece.index)
            out += self._start_block({"type": "tool_use", "id": identity, "name": piece.name, "input": {}})
            self._calls[piece.index] = known
        if not piece.arguments:
            return out
        return out + _delta(known[0], {"type": "input_json_delta", "partial_json": piece.arguments})

    def _start_block(self, block: dict[str, Any]) -> bytes:
        if self._blocks == limits.STREAM_TEXTS_MAX:
            raise StreamMalformed("the provider sent more texts and tool calls than the gateway follows")
        self._blocks += 1
        return typed_event({"type": "content_block_start", "index": self._blocks - 1, "content_block": block})

    def _fall_silent(self) -> bytes:
        speaks, self._speaks = self._speaks, None
        return b"" if speaks is None else _stop(speaks[0])

    def _ended(self) -> bytes:
        if not self._has_started:
            return b""
        out = self._fall_silent() + b"".join([_stop(block) for block, _ in self._calls.values()])
        reason = stop_reason(self._finish_reason, self._sequence, calls_tools=bool(self._calls), refuses=self._refuses)
        delta = {"stop_reason": reason, "stop_sequence": self._sequence}
        out += typed_event({"type": "message_delta", "delta": delta, "usage": messages_usage(self._usage)})
        return out + typed_event({"type": "message_stop"})

    def _stopped(self) -> bytes:
        """Some servers leave the end mark out."""
        return b"" if self._finish_reason is None else self._ended()

    def _failed(self, error: ProviderError) -> bytes:
        return typed_event(messages_error(error))


def _delta(block: int, delta: dict[str, Any]) -> bytes:
    return typed_event({"type": "content_block_delta", "index": block, "delta": delta})


def _stop(block: int) -> bytes:
    return typed_event({"type": "content_block_stop", "index": block})
