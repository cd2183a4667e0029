"""Events of Messages as chunks of a chat completion."""

from __future__ import annotations

from typing import Any

from gateway_ext.dialects.strict_json import encode
from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.errors import ProviderError, chat_error
from gateway_ext.dialects.translation.events import DONE, EventTranslator, data_event
from gateway_ext.dialects.translation.identities import completion_id
from gateway_ext.dialects.translation.messages_pieces import explanation, malformed, members, string
from gateway_ext.dialects.translation.stop_reasons import finish_reason
from gateway_ext.dialects.translation.usage import chat_usage


class ChunksFromMessages(EventTranslator):
    """A StreamTranslator."""

    __slots__ = ("_calls", "_head", "_includes_usage", "_open_input")

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        options = asked.document.get("stream_options")
        self._includes_usage = isinstance(options, dict) and options.get("include_usage") is True
        self._head: dict[str, Any] = {
            "id": "",
            "object": "chat.completion.chunk",
            "created": asked.at_seconds,
            "model": asked.model,
        }
        self._calls = 0  # tools that have been called
        self._open_input: dict[str, Any] | None = (
            None  # that the last of them began with, while nothing else came of it
        )

    def _translated(self, document: dict[str, Any]) -> bytes:
        match document.get("type"):
            case "message_start":
                return self._start(members(document, "message"))
            case "ping":
                return b""
            case _ if not self._head["id"]:
                malformed()
            case "content_block_start":
                return self._start_block(members(document, "content_block"))
            case "content_block_delta":
                return self._grow(members(document, "delta"))
            case "content_block_stop":
                return self._stop_block()
            case "message_delta":
                return self._stop(members(document, "delta"))
            case "message_stop":
                return self._end()
        return malformed()

    def _start(self, message: dict[str, Any]) -> bytes:
        self._head["id"] = completion_id(string(message, "id"))
        self._head["model"] = message.get("model") or self._head["model"]
        return self._chunk({"role": "assistant", "content": ""})

    def _start_block(self, block: dict[str, Any]) -> bytes:
        match block.get("type"):
            case "text" | "thinking" as kind:
                return self._say(kind, string(block, kind))
            case "redacted_thinking":
                return b""
            case "tool_use":
                self._open_input = members(block, "input")
                self._calls += 1
                call = {"id": string(block, "id"), "type": "function"}
                return self._call({**call, "function": {"name": string(block, "name"), "arguments": ""}})
        return malformed()

    def _grow(self, delta: dict[str, Any]) -> bytes:
        match delta.get("type"):
            case "text_delta":
                return self._say("text", string(delta, "text"))
            case "thinking_delta":
                return self._say("thinking", string(delta, "thinking"))
            case "input_json_delta" if self._calls:
                piece = string(delta, "partial_json")
                if not piece:
                    return b""
                self._open_input = None
                return self._call({"function": {"arguments": piece}})
            case "signature_delta" | "citations_delta":
                return b""
        return malformed()

    def _stop_block(self) -> bytes:
        """A call without any arguments has an empty object of them, which Anthropic does not send."""
        whole, self._open_input = self._open_input, None
        return b"" if whole is None else self._call({"function": {"arguments": encode(whole).decode()}})

    def _stop(self, delta: dict[str, Any]) -> bytes:
        reason, refusal = delta.get("stop_reason"), explanation(delta)
        if reason is None:
            return b""
        return self._chunk({"refusal": refusal} if refusal else {}, finish_reason(reason))

    def _end(self) -> bytes:
        self._has_ended = True
        if not self._includes_usage or self._usage is None:
            return DONE
        return data_event({**self._head, "choices": [], "usage": chat_usage(self._usage)}) + DONE

    def _failed(self, error: ProviderError) -> bytes:
        return data_event({"error": chat_error(error)}) + DONE

    def _ended(self) -> bytes:
        return malformed()

    def _stopped(self) -> bytes:
        return b""

    def _say(self, kind: str, text: str) -> bytes:
        return self._chunk({"content" if kind == "text" else "reasoning_content": text}) if text else b""

    def _call(self, piece: dict[str, Any]) -> bytes:
        return self._chunk({"tool_calls": [{"index": self._calls - 1, **piece}]})

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return data_event({**self._head, "choices": [choice]})
