"""A chat completion as a Message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway_ext.dialects.answers import AnswerMalformed
from gateway_ext.dialects.sse import StreamMalformed
from gateway_ext.dialects.strict_json import parse_object
from gateway_ext.dialects.translation.chat_pieces import CallPiece, Part, call_pieces, only_choice, string, text_pieces
from gateway_ext.dialects.translation.contract import Asked
from gateway_ext.dialects.translation.identities import message_id, tool_use_id
from gateway_ext.dialects.translation.stop_reasons import stop_reason, stop_sequence
from gateway_ext.dialects.translation.thinking import wants_thoughts
from gateway_ext.dialects.translation.usage import messages_usage
from gateway_ext.dialects.usage import usage_from_document
from gateway_ext.errors import BodyInvalid


def message(document: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """Raises AnswerMalformed."""
    try:
        return _message(document, asked)
    except StreamMalformed as malformation:
        raise AnswerMalformed(str(malformation)) from None
    except BodyInvalid:
        raise AnswerMalformed("the arguments of a tool call in the provider's answer are not a JSON object") from None


def head(document: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """A Message that says nothing yet, as streams begin with it."""
    return {
        "id": message_id(string(document.get("id"))),
        "type": "message",
        "role": "assistant",
        "model": document.get("model") or asked.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": messages_usage(None),
    }


def _message(document: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    choice = only_choice(document)
    said = None if choice is None else choice.get("message")
    if choice is None or not isinstance(said, dict):
        raise StreamMalformed("the provider's answer has no choice")
    texts = {part: "".join(text for each, text in text_pieces(said) if each is part) for part in Part}
    calls = list(call_pieces(said))
    content: list[dict[str, Any]] = []
    if texts[Part.THOUGHT] and wants_thoughts(asked.document.get("thinking")):
        content.append({"type": "thinking", "thinking": texts[Part.THOUGHT], "signature": ""})
    content += [{"type": "text", "text": texts[part]} for part in (Part.TEXT, Part.REFUSAL) if texts[part]]
    content += _tool_uses(calls, string(document.get("id")), was_cut=choice.get("finish_reason") == "length")
    sequence = stop_sequence(choice, asked)
    reason = stop_reason(
        choice.get("finish_reason"), sequence, calls_tools=bool(calls), refuses=bool(texts[Part.REFUSAL])
    )
    return {
        **head(document, asked),
        "content": content,
        "stop_reason": reason,
        "stop_sequence": sequence,
        "usage": messages_usage(usage_from_document(document)),
    }


def _tool_uses(calls: Sequence[CallPiece], answer_id: str, *, was_cut: bool) -> Iterator[dict[str, Any]]:
    """Without a last call that was cut short within its arguments: nobody should run it. Raises BodyInvalid."""
    for position, call in enumerate(calls, start=1):
        if not call.name:
            raise StreamMalformed("the provider's answer calls a tool without its name, or one that is no function")
        try:
            given = parse_object(call.arguments.encode()) if call.arguments.strip() else {}
        except BodyInvalid:
            if was_cut and position == len(calls):
                return
            raise
        identity = tool_use_id(call.call_id, answer_id, call.index)
        yield {"type": "tool_use", "id": identity, "name": call.name, "input": given}
