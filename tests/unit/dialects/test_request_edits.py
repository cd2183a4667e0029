import copy
import json
from typing import Any

import pytest

from gateway_ext.dialects.openai_read import read_prompt
from gateway_ext.dialects.request_edits import replace_model, rewrite
from gateway_ext.errors import BodyInvalid
from gateway_ext.exchange import Endpoint, Prompt
from gateway_ext.verdict import Edit


def prompt_of(document: dict[str, Any], endpoint: Endpoint = Endpoint.CHAT_COMPLETIONS) -> Prompt:
    return read_prompt(endpoint, json.dumps({"model": "m", **document}).encode())


def chat(content: Any, **more: Any) -> Prompt:
    return prompt_of({"messages": [{"role": "user", "content": content}], **more})


def edit(prompt: Prompt, found: str, replacement: str, *, within: str) -> Edit:
    """Replace `found` in the text that equals `within`."""
    index = next(index for index, text in enumerate(prompt.texts) if text.value == within)
    start = within.index(found)
    return Edit(index, start, start + len(found), replacement)


def rewritten(prompt: Prompt, *edits: Edit, model: str | None = None, include_usage: bool = False) -> Any:
    body = rewrite(prompt, model=model, include_usage=include_usage, edits=edits)
    assert body is not None
    return json.loads(body)


def test_nothing_to_change_leaves_the_callers_bytes() -> None:
    assert rewrite(chat("hi"), model=None, include_usage=False, edits=()) is None
    assert rewrite(chat("hi"), model="m", include_usage=True, edits=()) is None
    asked = chat("hi", stream=True, stream_options={"include_usage": True})
    assert rewrite(asked, model="m", include_usage=True, edits=()) is None
    response = prompt_of({"input": "hi", "stream": True}, Endpoint.RESPONSES)
    assert rewrite(response, model="m", include_usage=True, edits=()) is None


def test_replaces_the_model_alone() -> None:
    prompt = chat("hi", temperature=0.5)
    assert rewritten(prompt, model="other") == {**prompt.document, "model": "other"}
    assert prompt.document["model"] == "m"


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_obfuscation": False}])
def test_a_stream_reports_its_usage(options: dict[str, Any] | None) -> None:
    prompt = chat("hi", stream=True, stream_options=options)
    expected = {**(options or {}), "include_usage": True}
    assert rewritten(prompt, include_usage=True) == {**prompt.document, "stream_options": expected}
    assert prompt.document["stream_options"] == options


def test_asking_for_usage_keeps_redactions_beside_it() -> None:
    prompt = chat("hi", stream=True, stream_options={"note": "jane@example.org"})
    redaction = edit(prompt, "jane@example.org", "[E-MAIL]", within="jane@example.org")
    result = rewritten(prompt, redaction, include_usage=True)
    assert result["stream_options"] == {"note": "[E-MAIL]", "include_usage": True}


def test_edits_apply_at_code_points_several_per_text() -> None:
    value = "é😀 jane@example.org and joe@example.org é"
    prompt = chat([{"type": "text", "text": value}, {"type": "text", "text": "other"}])
    before = copy.deepcopy(prompt.document)
    result = rewritten(
        prompt,
        edit(prompt, "joe@example.org", "[E-MAIL]", within=value),
        edit(prompt, "jane@example.org", "[E-MAIL]", within=value),
    )
    assert result["messages"][0]["content"] == [
        {"type": "text", "text": "é😀 [E-MAIL] and [E-MAIL] é"},
        {"type": "text", "text": "other"},
    ]
    assert prompt.document == before


def test_adjacent_edits_stay_two_and_overlapping_ones_become_one() -> None:
    prompt = chat("abcdef")
    assert rewritten(prompt, Edit(0, 0, 2, "1"), Edit(0, 2, 4, "2"))["messages"][0]["content"] == "12ef"
    assert rewritten(prompt, Edit(0, 0, 3, "1"), Edit(0, 2, 5, "2"))["messages"][0]["content"] == "1f"


ARGUMENTS = '{ "note": "x\\n\\u0041KIA1234",  "plain": "AKIA5678" }'


def with_arguments(arguments: str) -> Prompt:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return prompt_of({"messages": [{"role": "assistant", "tool_calls": [call]}]})


def arguments_of(result: Any) -> str:
    arguments = result["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert isinstance(arguments, str)
    return arguments


def test_redacts_inside_tool_arguments_and_keeps_the_rest_as_written() -> None:
    prompt = with_arguments(ARGUMENTS)
    result = rewritten(
        prompt,
        edit(prompt, "AKIA1234", '["A"]', within="x\nAKIA1234"),
        edit(prompt, "AKIA5678", "[B]", within=ARGUMENTS),
    )
    assert arguments_of(result) == '{ "note": "x\\n[\\"A\\"]",  "plain": "[B]" }'


def test_the_same_value_found_outside_and_inside_is_redacted_once() -> None:
    arguments = '{"note": "x\\nAKIA1234"}'
    prompt = with_arguments(arguments)
    result = rewritten(
        prompt,
        edit(prompt, "nAKIA1234", "[S]", within=arguments),  # a detector that saw the escape as a letter
        edit(prompt, "AKIA1234", "[S]", within="x\nAKIA1234"),
    )
    assert arguments_of(result) == '{"note": "x[S]"}'


def test_redacts_json_inside_strings_inside_json() -> None:
    inner = json.dumps({"k": "\tjane@example.org\t"})
    middle = json.dumps({"body": inner})
    prompt = with_arguments(json.dumps([middle, "é"]))
    result = rewritten(prompt, edit(prompt, "jane@example.org", '"\\é', within="\tjane@example.org\t"))
    outer = json.loads(arguments_of(result))
    assert json.loads(json.loads(outer[0])["body"]) == {"k": '\t"\\é\t'}
    assert outer[1] == "é"


def test_edits_of_keys_and_outside_texts_are_refused() -> None:
    prompt = prompt_of({"messages": [{"content": "hi"}], "metadata": {"jane@example.org": "v"}})
    key = next(index for index, text in enumerate(prompt.texts) if text.is_key)
    with pytest.raises(ValueError, match="key"):
        rewrite(prompt, model=None, include_usage=False, edits=[Edit(key, 0, 4, "x")])
    text = next(index for index, text in enumerate(prompt.texts) if not text.is_key)
    for start, end in ((0, 3), (-1, 1), (1, 1), (2, 1)):
        with pytest.raises(ValueError, match="part of its text"):
            rewrite(prompt, model=None, include_usage=False, edits=[Edit(text, start, end, "x")])


def test_replaces_the_model_in_bytes() -> None:
    assert replace_model(b'{ "model": "m", "x": [1] }', "m") == b'{ "model": "m", "x": [1] }'
    assert json.loads(replace_model(b'{"model":"m","x":[1]}', "other")) == {"model": "other", "x": [1]}
    with pytest.raises(BodyInvalid):
        replace_model(b'{"model":"m","model":"m"}', "other")
