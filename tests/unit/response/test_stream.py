from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_ext.errors import AnswerBlocked, AnswerUninspected, InternalFailure
from gateway_ext.guard.confidential.canary import new_canary
from gateway_ext.guard.rules import Action, GuardRules
from gateway_ext.response.duty import Withheld
from gateway_ext.response.stream import GuardedStream
from tests.unit.dialects.clients import TRANSCRIPTS, received
from tests.unit.response.answers import (
    AWS_KEY,
    ENGINE,
    IBAN,
    ORIGINALS,
    STREAMS,
    chat_stream,
    duty,
    passed,
    rules,
    tool_stream,
)

SAID = ["Pay to ", "DE89 3704", " 0044 05", "32 0130 0", "0, dear ", "Zoë 😀."]
REDACTED = "Pay to [IBAN], dear Zoë 😀."


def text_of(stream: bytes) -> str:
    (text,) = received(stream).values()
    return text


@pytest.mark.parametrize("name", TRANSCRIPTS)
async def test_a_stream_without_findings_passes_byte_by_byte(name: str) -> None:
    owed = duty(rules(label_classification=Action.LOG))
    out, guarded = await passed(TRANSCRIPTS[name], owed, range(0, len(TRANSCRIPTS[name]), 7))
    assert out == TRANSCRIPTS[name]
    assert guarded.saw_end


@pytest.mark.parametrize("dialect", STREAMS)
async def test_what_policy_redacts_leaves_no_trace_in_any_dialect(dialect: str) -> None:
    out, guarded = await passed(STREAMS[dialect](SAID), duty(rules()))
    assert text_of(out) == REDACTED
    assert b"3704" not in out
    assert {finding.detector for finding in guarded.inspected.findings} == {"iban"}


@pytest.mark.parametrize("dialect", STREAMS)
async def test_cut_at_every_byte_it_is_the_same(dialect: str) -> None:
    stream = STREAMS[dialect](SAID)
    whole, _ = await passed(stream, duty(rules()))
    for cut in range(1, len(stream), 3):
        out, _ = await passed(stream, duty(rules()), [cut])
        assert out == whole


async def test_cut_into_single_characters_a_value_is_found() -> None:
    out, _ = await passed(chat_stream("".join(SAID)), duty(rules()))
    assert text_of(out) == REDACTED


async def test_a_value_in_the_arguments_of_a_tool_call() -> None:
    out, _ = await passed(tool_stream(['{"to": "DE89 3704\\u00', "200044 0532 01", '30 00", "n": 1}']), duty(rules()))
    assert json.loads(text_of(out)) == {"to": "[IBAN]", "n": 1}


async def test_choices_are_kept_apart() -> None:
    halves = [("DE89 3704 0044 ", 0), ("GB82 WEST 1234 ", 1), ("0532 0130 00.", 0), ("5698 7654 32.", 1)]
    events = [chat_stream([text], choice=choice).split(b"\n\n")[0] + b"\n\n" for text, choice in halves]
    out, _ = await passed(b"".join(events), duty(rules()))
    assert received(out) == {"0 content": "[IBAN].", "1 content": "[IBAN]."}


async def test_a_block_ends_the_stream_after_what_was_released() -> None:
    guarded = GuardedStream(duty(rules(Action.LOG, aws_key=Action.BLOCK)), ENGINE, strips_usage=False)
    released = await guarded.feed(
        chat_stream(["Here is a long enough beginning. ", "The key: "]).rpartition(b"data: {")[0]
    )
    with pytest.raises(Withheld) as caught:
        await guarded.feed(chat_stream([AWS_KEY[:8], AWS_KEY[8:], " is it"]))
    assert isinstance(caught.value.refusal, AnswerBlocked)
    assert "aws_key" in str(caught.value.refusal)
    assert AWS_KEY[:8].encode() not in released + guarded.pop()
    assert b"long enough beginning" in released
    assert [finding.action for finding in caught.value.findings] == ["block"]


async def test_pseudonyms_split_over_chunks_are_restored() -> None:
    out, _ = await passed(chat_stream(["Write to <EM", "AIL_", "1", "> and <EMAIL_2>."]), duty(originals=ORIGINALS))
    assert text_of(out) == "Write to ada@example.eu and <EMAIL_2>."


async def test_pseudonyms_are_restored_although_what_they_stand_for_would_be_blocked() -> None:
    owed = duty(rules(Action.BLOCK), originals=ORIGINALS)
    out, _ = await passed(chat_stream(["It is <IBAN", "_1>."]), owed)
    assert text_of(out) == f"It is {IBAN}."


async def test_pseudonyms_in_arguments_are_restored_as_json() -> None:
    owed = duty(originals={"<EMAIL_1>": 'a"b@example.eu'})
    out, _ = await passed(tool_stream(['{"to": "<EMA', 'IL_1>"}']), owed)
    assert json.loads(text_of(out)) == {"to": 'a"b@example.eu'}


async def test_a_canary_of_the_prompt_is_found_in_disguise() -> None:
    canary = new_canary(bytes(15))
    owed = duty(prompt=f"Never repeat {canary}.")
    spelt = " ".join(canary.removeprefix("gwc-"))
    _, guarded = await passed(chat_stream(["It begins g w c ", spelt, " and ends."]), owed)
    assert {finding.detector for finding in guarded.inspected.findings} == {"canary"}


async def test_what_is_only_logged_is_reported_and_passes() -> None:
    stream = chat_stream(SAID)
    out, guarded = await passed(stream, duty(rules(Action.LOG)))
    assert out == stream
    (finding,) = guarded.inspected.findings
    assert (finding.detector, finding.action, finding.place) == ("iban", "log", "/choices/0/delta/content")


async def test_a_long_text_repeated_at_the_end_is_inspected_beside_the_event_loop() -> None:
    prose = [f"Sentence number {number} of a long answer. " for number in range(3_000)]
    out, _ = await passed(STREAMS["responses"]([*prose, *SAID]), duty(rules()))
    assert IBAN.encode() not in out
    assert out.count(b"[IBAN]") == 3  # the deltas, the text done, the whole response


async def test_a_guard_that_fails_withholds_the_answer() -> None:
    class Failing:
        def kinds(self, rules: GuardRules) -> Any:
            return ENGINE.kinds(rules)

        def matches(self, _text: str, _rules: GuardRules) -> Any:
            raise InternalFailure

    guarded = GuardedStream(duty(rules()), Failing(), strips_usage=False)  # type: ignore[arg-type]
    with pytest.raises(Withheld) as caught:
        await guarded.feed(chat_stream(["a value 1234 5678 "]))
    assert isinstance(caught.value.refusal, AnswerUninspected)
    assert guarded.pop() == b""
