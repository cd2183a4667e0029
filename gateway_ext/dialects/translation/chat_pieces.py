"""What chat completions say, read from a whole message or from a piece of one: both have the same members.

Compatible servers are read as well: thoughts as `reasoning_content` or `reasoning`, and content that is a list of parts.
Raises StreamMalformed for what is in none of these forms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from gateway_ext.dialects.sse import StreamMalformed


class Part(Enum):
    """What a text is."""

    THOUGHT = auto()
    TEXT = auto()
    REFUSAL = auto()


@dataclass(frozen=True, slots=True)
class CallPiece:
    """`index` tells the calls of a message apart. `call_id` and `name` are empty where they have been said before."""

    index: int
    call_id: str
    name: str
    arguments: str


def only_choice(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The choice in an answer or a chunk; None in chunks about something else. Nobody can ask for more than one."""
    choices = objects(document.get("choices"))
    if not choices:
        return None
    if len(choices) > 1 or choices[0].get("index") not in (0, None):
        raise _malformed()
    return choices[0]


def message_of(choice: dict[str, Any]) -> dict[str, Any]:
    """What a choice says: `message` in an answer, `delta` in a chunk."""
    message = choice.get("delta") or choice.get("message") or {}
    if not isinstance(message, dict):
        raise _malformed()
    return message


def text_pieces(message: dict[str, Any]) -> Iterator[tuple[Part, str]]:
    """What is thought, said and refused, in this order; servers that have two words for a thought say both or either."""
    yield Part.THOUGHT, string(message.get("reasoning_content") or message.get("reasoning"))
    content = message.get("content")
    if isinstance(content, list):
        yield from map(_content_piece, objects(content))
    else:
        yield Part.TEXT, string(content)
    yield Part.REFUSAL, string(message.get("refusal"))


def call_pieces(message: dict[str, Any]) -> Iterator[CallPiece]:
    """Calls of tools, or pieces of their arguments. Without an `index` they are told apart by where they stand."""
    for position, call in enumerate(objects(message.get("tool_calls"))):
        index = position if call.get("index") is None else call["index"]
        function = call.get("function") or {}
        if type(index) is not int or not isinstance(function, dict):
            raise _malformed()
        name, arguments = string(function.get("name")), string(function.get("arguments"))
        yield CallPiece(index, string(call.get("id")), name, arguments)


def citations(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """References to the web, as the Responses API has them: what they say is not nested there."""
    for annotation in objects(message.get("annotations")):
        citation = annotation.get("url_citation")
        yield {"type": "url_citation", **citation} if isinstance(citation, dict) else annotation


def logprobs(choice: dict[str, Any]) -> list[dict[str, Any]]:
    """Probabilities of the tokens of the text. Those of a refusal have no place in the Responses API."""
    given = choice.get("logprobs")
    if not isinstance(given, dict):
        return []
    return [
        _logprob(token) | {"top_logprobs": [_logprob(other) for other in objects(token.get("top_logprobs"))]}
        for token in objects(given.get("content"))
    ]


def objects(value: object) -> list[dict[str, Any]]:
    """A list of objects; null is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _malformed()
    return value


def string(value: object) -> str:
    """Null is an empty one."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _malformed()
    return value


def _content_piece(part: dict[str, Any]) -> tuple[Part, str]:
    match part.get("type"):
        case "text":
            return Part.TEXT, string(part.get("text"))
        case "refusal":
            return Part.REFUSAL, string(part.get("refusal"))
        case "thinking":  # Mistral's
            return Part.THOUGHT, "".join(string(thought.get("text")) for thought in objects(part.get("thinking")))
    raise _malformed()


def _logprob(token: dict[str, Any]) -> dict[str, Any]:
    return {"token": token.get("token"), "bytes": token.get("bytes") or [], "logprob": token.get("logprob")}


def _malformed() -> StreamMalformed:
    return StreamMalformed("the provider's answer is not one of chat completions")
