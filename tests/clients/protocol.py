"""What the programs of this folder share: cases from standard input, outcomes to standard output, both JSON.

A program adapts one client library: how it asks, and how it shows what came. What is asked is the same for all of them.
Programs run in environments without the gateway, so nothing of it is imported here.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

SYSTEM = "You are terse."
LIMIT_TOKENS = 16  # the least that OpenAI takes
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}  # the tool's JSON Schema
RESULT = "Sunny."
TIMEOUT_SECONDS = 30.0  # for one request
RUN_SECONDS = 300.0  # for all of them, on a busy machine

_CODE = re.compile(r"""['"]code['"]: ?['"](\w+)['"]""")  # in the error object, or a library's rendering of it

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """`call`: name, arguments and id of the tool call. `pieces`: texts a stream came in. `message`: as the library has it."""

    text: str
    stop: str
    usage: tuple[int, int] | None  # tokens in, tokens out
    call: tuple[str, Any, str] | None = None
    pieces: int = 1
    message: Any = None


@dataclass(frozen=True, slots=True)
class Question:
    """`image`: a PNG in base64. `earlier`: an answer whose tool call has been carried out, with RESULT."""

    model: str
    text: str
    system: str | None = None
    image: str | None = None
    offers_tool: bool = False
    limit_tokens: int | None = None
    earlier: Answer | None = None


Speak = Callable[[Question, bool], Answer]  # True: as a stream
Embed = Callable[[str, list[str]], tuple[list[list[float]], int | None]]  # model, texts → vectors, tokens in
Count = Callable[[Question], int]  # tokens in


# --- what generates ---------------------------------------------------------------------------------------------------


def _answer(speak: Speak, question: Question) -> Facts:
    answer = speak(question, False)
    return {"text": answer.text, "stop": answer.stop}


def _stream(speak: Speak, question: Question) -> Facts:
    answer = speak(question, True)
    return {"text": answer.text, "stop": answer.stop, "is_in_pieces": answer.pieces > 1}


def _tool_call(speak: Speak, question: Question, streams: bool = False) -> Facts:
    asked = replace(question, offers_tool=True)
    first = speak(asked, streams)
    assert first.call is not None, "the tool was not called"
    final = speak(replace(asked, earlier=first), streams)
    return {"call": first.call[:2], "stop": first.stop, "final": final.text}


def _streamed_tool_call(speak: Speak, question: Question) -> Facts:
    return _tool_call(speak, question, streams=True)


def _system(speak: Speak, question: Question) -> Facts:
    return {"text": speak(replace(question, system=SYSTEM), False).text}


def _image(speak: Speak, question: Question) -> Facts:
    return {"text": speak(question, False).text}


def _usage(speak: Speak, question: Question) -> Facts:
    return {"whole": speak(question, False).usage, "stream": speak(question, True).usage}


def _limit(speak: Speak, question: Question) -> Facts:
    answers = [speak(replace(question, limit_tokens=LIMIT_TOKENS), streams) for streams in (False, True)]
    return {"text": [answer.text for answer in answers], "stop": [answer.stop for answer in answers]}


def _error(speak: Speak, question: Question) -> Facts:
    return {"whole": _raised(lambda: speak(question, False)), "stream": _raised(lambda: speak(question, True))}


GENERATING: Mapping[str, Callable[[Speak, Question], Facts]] = {
    "answer": _answer,
    "stream": _stream,
    "tool call": _tool_call,
    "streamed tool call": _streamed_tool_call,
    "system prompt": _system,
    "image": _image,
    "usage": _usage,
    "limit": _limit,
    "error": _error,
}


# --- what embeds ------------------------------------------------------------------------------------------------------


def embedding(embed: Embed, model: str, text: str, case: str) -> Facts:
    if case == "error":
        return {"whole": _raised(lambda: embed(model, [text]))}
    vectors, tokens = embed(model, [text, "two"])
    return {"usage": tokens} if case == "usage" else {"vectors": vectors}


# --- a program --------------------------------------------------------------------------------------------------------


def serve(speakers: Mapping[str, Speak], embed: Embed | None = None, count: Count | None = None) -> None:
    """Read [{number, endpoint, case, model, text, image}], print {number: outcome}. `speakers` are by endpoint."""
    faulthandler.dump_traceback_later(RUN_SECONDS, exit=True)  # says where it hangs
    # A stream that a library has left open is closed when it is collected, by httpcore under the lock of its connections. If
    # that happens while a request holds this lock, it waits for itself for ever; so it happens between requests.
    gc.disable()
    outcomes = {}
    for case in json.load(sys.stdin):
        gc.collect()
        try:
            if case["endpoint"] == "/v1/embeddings":
                assert embed is not None
                outcome = embedding(embed, case["model"], case["text"], case["case"])
            elif case["endpoint"] == "/v1/messages/count_tokens":
                assert count is not None
                outcome = {"tokens": count(Question(case["model"], case["text"]))}
            else:
                question = Question(case["model"], case["text"], image=case["image"])
                outcome = GENERATING[case["case"]](speakers[case["endpoint"]], question)
        except Exception as error:  # noqa: BLE001 - whatever a library raises is an outcome
            outcome = described(error)
        outcomes[case["number"]] = outcome
    print(json.dumps(outcomes))


def _raised(call: Callable[[], object]) -> Facts | None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - as in serve
        return described(error)
    return None


def described(error: Exception) -> Facts:
    """An exception as its users catch it: by the SDK's class, of which other libraries derive their own.

    `message`, for the reader of a failed test, when it is not about an answer.
    """
    status = getattr(error, "status_code", None)
    code = _CODE.search(f"{getattr(error, 'body', None)} {error}")
    of_sdk = (kind for kind in type(error).__mro__ if kind.__module__.partition(".")[0] in {"openai", "anthropic"})
    known = {"exception": next(of_sdk, type(error)).__name__, "status": status, "code": code[1] if code else None}
    return known | ({} if status else {"message": str(error)[:500]})
