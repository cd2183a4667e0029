"""The turns of a conversation, and the conversation without its oldest ones. Pure; what is kept is kept as it is.

A turn is what a person says and all that follows until a person speaks again: answers, calls of tools, their results. Turns
that share a call and its result are one. System and developer messages belong to none and always stay; so does the last turn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_ext.exchange import Endpoint

_FIELDS = {
    Endpoint.CHAT_COMPLETIONS: "messages",
    Endpoint.MESSAGES: "messages",
    Endpoint.RESPONSES: "input",
}
_ABOVE_TURNS = frozenset({"system", "developer"})

Turn = tuple[int, ...]
"""Positions of messages."""


@dataclass(frozen=True, slots=True)
class Shortened:
    """A request without its oldest turns, of `dropped_messages` messages together."""

    document: Mapping[str, Any]
    dropped_turns: int
    dropped_messages: int


def field_of(endpoint: Endpoint) -> str:
    """The field that a conversation at `endpoint` is in; "": there are none."""
    return _FIELDS.get(endpoint, "")


def turns(endpoint: Endpoint, document: Mapping[str, Any]) -> tuple[Turn, ...]:
    """All turns, oldest first; none where the request is no list of messages."""
    messages = document.get(field_of(endpoint))
    if not isinstance(messages, list):
        return ()
    found: list[list[int]] = []
    is_after_person = False
    for position, message in enumerate(messages):
        if endpoint is not Endpoint.MESSAGES and message.get("role") in _ABOVE_TURNS:
            continue
        is_person = _is_of_a_person(message)
        if not found or (is_person and not is_after_person):
            found.append([])
        found[-1].append(position)
        is_after_person = is_person
    return tuple(tuple(turn) for turn in _joined(found, messages))


def without_oldest(
    endpoint: Endpoint, document: Mapping[str, Any], excess_tokens: int, message_tokens: Sequence[int]
) -> Shortened | None:
    """The request with as few of its oldest turns left out as have `excess_tokens` together; None when all have less.

    `message_tokens`: of each message. The first one that is left is a person's, as all dialects want it.
    """
    if excess_tokens <= 0:
        return Shortened(document, 0, 0)
    dropped: set[int] = set()
    left = excess_tokens
    for number, turn in enumerate(_droppable(endpoint, document), 1):
        dropped.update(turn)
        left -= sum(message_tokens[position] for position in turn)
        if left <= 0:
            field = field_of(endpoint)
            kept = [message for position, message in enumerate(document[field]) if position not in dropped]
            return Shortened({**document, field: kept}, number, len(dropped))
    return None


def _droppable(endpoint: Endpoint, document: Mapping[str, Any]) -> Iterator[Turn]:
    for turn in turns(endpoint, document)[:-1]:
        # Anthropic's dialect has them between turns only, so that what is left could not begin with one.
        if any(document[field_of(endpoint)][position].get("role") in _ABOVE_TURNS for position in turn):
            return
        yield turn


def _is_of_a_person(message: Mapping[str, Any]) -> bool:
    """Not so what tools answered, which comes as the user's in Anthropic's dialect."""
    if message.get("role") != "user":
        return False
    return not any(isinstance(part.get("tool_use_id"), str) for part in _parts(message))


def _joined(found: list[list[int]], messages: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Turns between which a call and its result are split, and those between them, as one."""
    reaches = list(range(len(found)))  # up to which turn a turn has to stay together
    called_in: dict[str, int] = {}  # the last time: some servers number the calls of each answer anew
    for number, turn in enumerate(found):
        for position in turn:
            called_in |= dict.fromkeys(_calls(messages[position]), number)
            for call in _results(messages[position]):
                first = called_in.get(call, number)
                reaches[first] = max(reaches[first], number)
    joined: list[list[int]] = []
    reach = -1
    for number, turn in enumerate(found):
        if number > reach:
            joined.append([])
        joined[-1] += turn
        reach = max(reach, reaches[number])
    return joined


def _calls(message: Mapping[str, Any]) -> Iterator[str]:
    """Ids of the calls, and requests for approval, that a message makes."""
    if not str(message.get("type")).endswith("_output"):
        yield from _texts(message, "call_id", "id")
    for part in _parts(message):
        yield from _texts(part, "id")


def _results(message: Mapping[str, Any]) -> Iterator[str]:
    """Ids of the calls that a message answers."""
    yield from _texts(message, "tool_call_id", "approval_request_id")
    if str(message.get("type")).endswith("_output"):
        yield from _texts(message, "call_id")
    for part in _parts(message):
        yield from _texts(part, "tool_use_id")


def _texts(members: Mapping[str, Any], *names: str) -> Iterator[str]:
    return (value for name in names if isinstance(value := members.get(name), str))


def _parts(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of its content, and its calls."""
    for field in ("content", "tool_calls"):
        parts = message.get(field)
        if isinstance(parts, list):
            yield from (part for part in parts if isinstance(part, dict))
