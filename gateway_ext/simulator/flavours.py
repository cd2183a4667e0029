"""How chat completions of compatible servers differ on the wire. docs/providers.md says where each difference is documented."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway_ext.simulator.dialect import Stream, Whole, encode, error, read
from gateway_ext.simulator.model import InvalidRequestError

Document = dict[str, Any]

CHAT_COMPLETIONS = "/v1/chat/completions"
_INVALID = "invalid_request_error"
_EXTRA = "Extra inputs are not permitted"
_SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
_PROMPT = {"prompt_index": 0, "content_filter_results": _SAFE}


class Usage(StrEnum):
    """Where a stream reports what it used."""

    ON_REQUEST = "on_request"  # in a chunk of its own, when `stream_options` asks for it
    ALWAYS = "always"  # in a chunk of its own
    WITH_THE_END = "with_the_end"  # in the chunk with the finish reason
    IN_EACH_CHUNK = "in_each_chunk"  # what it is so far


@dataclass(frozen=True, slots=True)
class Wire:
    """`fields`: all that it takes, others are refused; empty: it passes over what it does not know."""

    key_header: str = "authorization"  # "": it looks at no key
    fields: frozenset[str] = frozenset()
    usage: Usage = Usage.ON_REQUEST
    one_choice: bool = False  # whatever `n` says
    rejects_with: int = 400  # the HTTP status of what it refuses
    comments: bool = False  # in streams, to keep connections open
    filters_content: bool = False  # and says so


class Flavour(StrEnum):
    OPENAI = "openai"
    AZURE = "azure"
    MISTRAL = "mistral"
    TGI = "tgi"
    OLLAMA = "ollama"
    OPENROUTER = "openrouter"
    SCALEWAY_DEDICATED = "scaleway-dedicated"

    @property
    def wire(self) -> Wire:
        return _WIRES[self]


_WIRES: Mapping[Flavour, Wire] = {
    Flavour.OPENAI: Wire(),
    Flavour.AZURE: Wire(key_header="api-key", filters_content=True),
    Flavour.MISTRAL: Wire(
        fields=frozenset(
            {
                *(
                    "model",
                    "messages",
                    "temperature",
                    "top_p",
                    "max_tokens",
                    "stream",
                    "stop",
                    "random_seed",
                    "metadata",
                ),
                *(
                    "response_format",
                    "tools",
                    "tool_choice",
                    "presence_penalty",
                    "frequency_penalty",
                    "n",
                    "prediction",
                ),
                *("parallel_tool_calls", "reasoning_effort", "prompt_mode", "guardrails", "prompt_cache_key"),
                *("service_tier", "safe_prompt"),
            }
        ),
        usage=Usage.WITH_THE_END,
        rejects_with=422,
    ),
    Flavour.TGI: Wire(one_choice=True, rejects_with=422),
    Flavour.OLLAMA: Wire(key_header="", one_choice=True),
    Flavour.OPENROUTER: Wire(usage=Usage.ALWAYS, comments=True),
    Flavour.SCALEWAY_DEDICATED: Wire(usage=Usage.IN_EACH_CHUNK, one_choice=True),
}


def served(flavour: Flavour, endpoint: str, body: bytes, answer: Callable[[bytes], Whole | Stream]) -> Whole | Stream:
    """`answer` to a request, as a server of that flavour would give it. Raises InvalidRequestError for a field it refuses.

    Only chat completions differ.
    """
    if flavour is Flavour.OPENAI or endpoint != CHAT_COMPLETIONS:
        return answer(body)
    document = read(body)
    known = _understood(flavour.wire, document)
    said = answer(encode({**known, "stream_options": {"include_usage": True}}))
    if isinstance(said, Whole):
        return Whole(encode(_filtered(flavour.wire, json.loads(said.body))), said.tokens)
    chunks = [json.loads(frame.removeprefix(b"data: ")) for frame in said.frames if b"[DONE]" not in frame]
    options = document.get("stream_options")
    asked = isinstance(options, dict) and options.get("include_usage") is True
    return Stream((*_frames(flavour.wire, chunks, asked), b"data: [DONE]\n\n"))


def rejection(flavour: Flavour, endpoint: str, rejected: InvalidRequestError) -> tuple[int, Document]:
    """HTTP status and error object for a request that is not taken."""
    message = f"{rejected}."
    match flavour:
        case Flavour.MISTRAL if rejected.param is not None:
            kind = "extra_forbidden" if str(rejected) == _EXTRA else "value_error"
            detail = {"type": kind, "loc": ["body", rejected.param], "msg": message}
            said = {"object": "error", "message": {"detail": [detail]}, "type": _INVALID, "param": None, "code": None}
        case Flavour.TGI:
            said = {"error": message, "error_type": "validation"}
        case _:
            said = error(endpoint, 400, message, _INVALID, param=rejected.param)
    return flavour.wire.rejects_with, said


def _understood(wire: Wire, document: Document) -> Document:
    """What of a request the server looks at."""
    for field in document:
        if wire.fields and field not in wire.fields:
            raise InvalidRequestError(_EXTRA, field)
    return {field: value for field, value in document.items() if not (wire.one_choice and field == "n")}


def _frames(wire: Wire, chunks: Sequence[Document], asked: bool) -> Iterator[bytes]:
    if wire.comments:
        yield b": OPENROUTER PROCESSING\n\n"
    if wire.filters_content:
        opening = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [_PROMPT]}
        yield _event(opening)
    reported = next((chunk["usage"] for chunk in chunks if chunk.get("usage")), None)
    spoken = 0
    for chunk in chunks:
        plain = {name: value for name, value in chunk.items() if name != "usage"}
        spoken += any(choice["delta"].get("content") for choice in chunk["choices"])
        ends = any(choice["finish_reason"] for choice in chunk["choices"])
        if chunk["choices"]:
            so_far = _so_far(wire, reported, None if ends else spoken)
            yield _event(_filtered(wire, plain) | ({"usage": so_far} if so_far else {}))
        elif wire.usage is Usage.ALWAYS or (wire.usage is Usage.ON_REQUEST and asked):
            yield _event(chunk)


def _so_far(wire: Wire, reported: Document | None, output_tokens: int | None) -> Document | None:
    """The usage in a chunk of an answer that has come as far as this; None: to its end."""
    if reported is None or wire.usage in {Usage.ON_REQUEST, Usage.ALWAYS}:
        return None
    if output_tokens is None:
        return reported
    if wire.usage is Usage.WITH_THE_END:
        return None
    input_tokens = reported["prompt_tokens"]
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
    }


def _filtered(wire: Wire, document: Document) -> Document:
    """A chunk or a whole answer, with what a content filter makes of it."""
    if not wire.filters_content:
        return document
    choices = [choice | {"content_filter_results": _SAFE} for choice in document["choices"]]
    return document | {"choices": choices} | ({} if "delta" in choices[0] else {"prompt_filter_results": [_PROMPT]})


def _event(document: Document) -> bytes:
    return b"data: " + encode(document) + b"\n\n"
