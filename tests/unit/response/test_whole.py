from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_ext.errors import AnswerBlocked, AnswerUninspected
from gateway_ext.guard.confidential.canary import new_canary
from gateway_ext.guard.rules import Action
from gateway_ext.response.duty import Withheld
from gateway_ext.response.whole import inspect_whole
from tests.unit.response.answers import AWS_KEY, ENGINE, IBAN, ORIGINALS, duty, rules


def chat(content: str | None, **message: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": {"content": content, **message}}]}).encode()


def content_of(body: bytes | None) -> Any:
    assert body is not None
    return json.loads(body)["choices"][0]["message"]["content"]


async def test_a_clean_answer_is_passed_on_as_it_came() -> None:
    assert (await inspect_whole(chat("Hello"), duty(rules()), ENGINE)).body is None


async def test_what_policy_redacts_is_replaced() -> None:
    inspected = await inspect_whole(chat(f"Pay to {IBAN} now"), duty(rules()), ENGINE)
    assert content_of(inspected.body) == "Pay to [IBAN] now"
    assert [finding.detector for finding in inspected.findings] == ["iban"]


async def test_what_policy_blocks_is_withheld() -> None:
    owed = duty(rules(Action.LOG, aws_key=Action.BLOCK))
    with pytest.raises(Withheld) as caught:
        await inspect_whole(chat(f"The key is {AWS_KEY}"), owed, ENGINE)
    assert isinstance(caught.value.refusal, AnswerBlocked)
    assert AWS_KEY not in str(caught.value.refusal)
    assert "aws_key" in {finding.detector for finding in caught.value.findings}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"a": 1, "a": 2}', b"\xff{}"])
async def test_what_cannot_be_read_is_withheld(body: bytes) -> None:
    with pytest.raises(Withheld) as caught:
        await inspect_whole(body, duty(rules()), ENGINE)
    assert isinstance(caught.value.refusal, AnswerUninspected)


async def test_pseudonyms_are_put_back_beside_redactions() -> None:
    owed = duty(rules(), originals=ORIGINALS)
    inspected = await inspect_whole(chat(f"<EMAIL_1> owes <IBAN_1>, not {IBAN}"), owed, ENGINE)
    assert content_of(inspected.body) == f"ada@example.eu owes {IBAN}, not [IBAN]"


async def test_pseudonyms_in_arguments_are_put_back_as_json() -> None:
    owed = duty(originals={"<EMAIL_1>": 'a"b@example.eu'})
    call = {"function": {"name": "send", "arguments": '{"to": "<EMAIL_1>", "cc": "\\u003cEMAIL_1\\u003e"}'}}
    inspected = await inspect_whole(chat(None, tool_calls=[call]), owed, ENGINE)
    assert inspected.body is not None
    (called,) = json.loads(inspected.body)["choices"][0]["message"]["tool_calls"]
    assert json.loads(called["function"]["arguments"]) == {"to": 'a"b@example.eu', "cc": 'a"b@example.eu'}


async def test_pseudonyms_nobody_was_given_stay() -> None:
    assert (await inspect_whole(chat("<EMAIL_2> and <PHONE_1>"), duty(originals=ORIGINALS), ENGINE)).body is None


async def test_a_canary_is_found_although_answers_are_not_inspected() -> None:
    canary = new_canary(bytes(15))
    inspected = await inspect_whole(chat(f"My rules: {canary.upper()} {IBAN}"), duty(prompt=canary), ENGINE)
    assert [finding.detector for finding in inspected.findings] == ["canary"]
    assert inspected.body is None
