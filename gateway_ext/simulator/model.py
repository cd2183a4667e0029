"""The simulated model: what it says is a pure function of the request, so that tests can foretell it.

It repeats the last thing the user said, or calls the first tool it is given. One word is one token.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

PREFIX = "You said:"
OUTPUT_TOKENS_MAX = 100_000
KINDS = frozenset(
    {
        "cached",
        "cache_write",
        "cache_write_1h",
        "reasoning",
        "audio_input",
        "audio_output",
        "image_input",
        "image_output",
    }
)
"""Tokens that have prices of their own; a deployment can be told how many of each it reports."""

_WORD = re.compile(r"\s*\S+|\s+\Z")


class InvalidRequestError(Exception):
    """The request is not one a provider would accept. `param` names the member at fault."""

    def __init__(self, message: str, param: str | None = None):
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: str  # JSON


@dataclass(frozen=True, slots=True)
class Question:
    """What any of the endpoints asks. `texts` are all texts of the input, for counting."""

    model: str
    texts: tuple[str, ...]
    last_user_text: str
    output_tokens_max: int | None
    tool: Mapping[str, Any] | None  # {name, parameters} of the tool to call
    cached_texts: tuple[str, ...] = ()  # those among `texts` that are said to come from a cache


@dataclass(frozen=True, slots=True)
class Generation:
    """The model's answer. `pieces` are its tokens in order: joined they are the text, or the tool's arguments."""

    id: str
    model: str
    deployment: str
    pieces: tuple[str, ...]
    input_tokens: int
    is_cut: bool
    tool_name: str | None
    cached_tokens: int = 0  # of the input
    kinds: Mapping[str, int] = field(default_factory=dict)  # of KINDS, as told: reported even if they cannot be

    def tokens_of(self, kind: str) -> int:
        return self.kinds.get(kind, 0)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def output_tokens(self) -> int:
        return len(self.pieces)


def pieces_of(text: str, characters: int = 0) -> tuple[str, ...]:
    """Split into words that carry the space before them, or every so many characters. ''.join(pieces_of(text)) == text."""
    if characters:
        return tuple(text[start : start + characters] for start in range(0, len(text), characters))
    return tuple(_WORD.findall(text))


def generate(
    question: Question,
    deployment: str,
    request_body: bytes,
    token_characters: int = 0,
    kinds: Mapping[str, int] = MappingProxyType({}),
) -> Generation:
    """Answer a question. Equal requests get equal answers and equal ids. A token is a word, or so many characters."""
    if question.tool is not None:
        spoken = json.dumps(_arguments(question.tool.get("parameters"), question.last_user_text))
    else:
        spoken = f"{PREFIX} {question.last_user_text}"
    pieces = pieces_of(spoken, token_characters)
    asked = question.output_tokens_max
    limit = OUTPUT_TOKENS_MAX if asked is None else min(asked, OUTPUT_TOKENS_MAX)
    return Generation(
        id=hashlib.sha256(deployment.encode() + b"\0" + request_body).hexdigest()[:24],
        model=question.model,
        deployment=deployment,
        pieces=pieces[:limit],
        input_tokens=_tokens(question.texts),
        is_cut=len(pieces) > limit,
        tool_name=question.tool["name"] if question.tool is not None else None,
        cached_tokens=_tokens(question.cached_texts) + kinds.get("cached", 0),
        kinds=kinds,
    )


def _tokens(texts: Iterable[str]) -> int:
    return sum(len(pieces_of(text)) for text in texts)


def chosen_tool(functions: Iterable[Mapping[str, Any]], choice: Any) -> Mapping[str, Any] | None:
    """The function to call: the one that `choice` names, else the first one; none when `choice` is 'none'."""
    if choice == "none":
        return None
    wanted = None
    if isinstance(choice, Mapping):
        wanted = choice.get("name") or (choice.get("function") or {}).get("name")
    for function in functions:
        if isinstance(function.get("name"), str) and wanted in (None, function["name"]):
            return function
    if wanted is not None:
        raise InvalidRequestError("tool_choice names a tool that is not in tools", "tool_choice")
    return None


def _arguments(schema: Any, text: str) -> dict[str, Any]:
    """A value for each required property of a JSON Schema object; strings are what the user said."""
    if not isinstance(schema, Mapping):
        return {}
    properties = schema.get("properties") or {}
    return {name: _value(properties.get(name) or {}, text) for name in schema.get("required") or properties}


def _value(schema: Mapping[str, Any], text: str) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "integer":
            return 1
        case "number":
            return 1.5
        case "boolean":
            return True
        case "array":
            return []
        case "object":
            return _arguments(schema, text)
        case "null":
            return None
        case _:
            return text


def vector(text: str, dimensions: int) -> list[float]:
    """A deterministic embedding of unit length: SHA-256 in counter mode, read as signed bytes."""
    seed = text.encode("utf-8", "surrogatepass")
    blocks = range((dimensions + 31) // 32)
    octets = b"".join(hashlib.sha256(block.to_bytes(4, "big") + seed).digest() for block in blocks)
    raw = [octet - 127.5 for octet in octets[:dimensions]]
    length = sum(value * value for value in raw) ** 0.5
    return [value / length for value in raw]
