"""What answers and their streams look like in each dialect, and what to do with them. For tests."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from gateway_ext.exchange import Endpoint, Text
from gateway_ext.guard.catalog import CLASSES
from gateway_ext.guard.engine import GuardEngine
from gateway_ext.guard.pseudonyms import PseudonymVault
from gateway_ext.guard.rules import Action, DetectorRule, GuardRules
from gateway_ext.response.duty import Duty
from gateway_ext.response.stream import GuardedStream
from gateway_ext.verdict import Redact

ENGINE = GuardEngine(b"fingerprint-key-of-the-tests-only")
IBAN = "DE89 3704 0044 0532 0130 00"
AWS_KEY = "AKIA" + "Z7VQ3HX5TLRPWN2C"
ORIGINALS = {"<EMAIL_1>": "ada@example.eu", "<IBAN_1>": IBAN}

CHAT, RESPONSES, MESSAGES = Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES, "/v1/messages"


def rules(action: Action = Action.REDACT, **detectors: Action) -> GuardRules:
    """All classes as `action` but for some detectors."""
    return GuardRules(
        classes=dict.fromkeys(CLASSES, DetectorRule(action)),
        detectors={name: DetectorRule(of_one) for name, of_one in detectors.items()},
        deadline_seconds=10.0,
        detector_deadline_seconds=10.0,
        can_restore=False,
    )


def duty(answer_rules: GuardRules | None = None, *, originals: dict[str, str] | None = None, prompt: str = "") -> Duty:
    """That inspects if there are rules, and restores what there is to be restored."""
    verdict = Redact((), (), originals or {})
    texts = [Text(("messages", 0, "content"), "/messages/0/content", "system", prompt)]
    return Duty.of(texts, verdict, answer_rules or rules(Action.LOG), inspects=answer_rules is not None)


def no_vault() -> PseudonymVault:
    return PseudonymVault({})


def event(document: dict[str, Any]) -> bytes:
    name = f"event: {document['type']}\n" if "type" in document else ""
    return f"{name}data: {json.dumps(document, ensure_ascii=False)}\n\n".encode()


def chat_stream(pieces: Iterable[str], *, choice: int = 0) -> bytes:
    chunks = [{"choices": [{"index": choice, "delta": {"content": piece}}]} for piece in pieces]
    last = {"choices": [{"index": choice, "delta": {}, "finish_reason": "stop"}]}
    return b"".join(map(event, [*chunks, last])) + b"data: [DONE]\n\n"


def tool_stream(pieces: Iterable[str]) -> bytes:
    """Arguments of a tool call of a chat."""
    calls = [{"index": 0, "function": {"arguments": piece}} for piece in pieces]
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]} for call in calls]
    return b"".join(map(event, chunks)) + b"data: [DONE]\n\n"


def responses_stream(pieces: Sequence[str]) -> bytes:
    """With the text repeated as a whole at its end, as the endpoint does."""
    where = {"item_id": "m1", "output_index": 0, "content_index": 0}
    deltas: list[dict[str, Any]] = [{"type": "response.output_text.delta", **where, "delta": piece} for piece in pieces]
    done = {"type": "response.output_text.done", **where, "text": "".join(pieces)}
    content = [{"type": "output_text", "text": "".join(pieces), "annotations": []}]
    message = {"type": "message", "id": "m1", "role": "assistant", "content": content}
    completed = {"type": "response.completed", "response": {"id": "r1", "output": [message]}}
    numbered = [document | {"sequence_number": number} for number, document in enumerate([*deltas, done, completed])]
    return b"".join(map(event, numbered))


def messages_stream(pieces: Iterable[str]) -> bytes:
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}} for piece in pieces
    ]
    start: dict[str, Any] = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    ends: list[dict[str, Any]] = [{"type": "content_block_stop", "index": 0}, {"type": "message_stop"}]
    return b"".join(map(event, [start, *deltas, *ends]))


STREAMS = {"chat": chat_stream, "responses": responses_stream, "messages": messages_stream}


async def passed(stream: bytes, owed: Duty, cuts: Iterable[int] = ()) -> tuple[bytes, GuardedStream]:
    """What goes out when `stream` arrives cut at `cuts`. Raises Withheld."""
    guarded = GuardedStream(owed, ENGINE, strips_usage=False)
    edges = [0, *sorted(cuts), len(stream)]
    out = [await guarded.feed(stream[start:end]) for start, end in itertools.pairwise(edges)]
    return b"".join([*out, await guarded.finish()]), guarded
