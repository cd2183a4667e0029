"""Redaction: edits replace exactly what was found; everything else in the document is what it was."""

import copy
import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.dialects.requests import read_prompt, rewrite
from gateway_ext.exchange import Endpoint, Prompt, Text
from gateway_ext.verdict import Edit

WORDS = st.text(alphabet=st.sampled_from('ab1 \n\t"\\/{}[]:é\u2028😀\x00'), max_size=8)
KEYS = st.sampled_from(["content", "text", "name", "metadata", "jane", "\n", ""])
VALUES = st.recursive(
    st.one_of(WORDS, WORDS, st.none(), st.booleans(), st.integers(-5, 5)),
    lambda children: st.one_of(st.lists(children, max_size=3), st.dictionaries(KEYS, children, max_size=3)),
    max_leaves=6,
)
CONTAINERS = st.one_of(st.lists(VALUES, min_size=1, max_size=3), st.dictionaries(KEYS, VALUES, min_size=1, max_size=3))
ARGUMENTS = st.tuples(CONTAINERS, st.booleans()).map(lambda pair: json.dumps(pair[0], ensure_ascii=pair[1]))
NESTED_ARGUMENTS = st.lists(st.one_of(ARGUMENTS, WORDS), min_size=1, max_size=2).map(json.dumps)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "tool", "jane"]), "content": st.one_of(VALUES, ARGUMENTS, NESTED_ARGUMENTS)}
)
DOCUMENTS = st.fixed_dictionaries(
    {"model": st.just("m"), "messages": st.lists(MESSAGES, min_size=1, max_size=3), "metadata": VALUES}
)


def prompt_of(document: dict[str, Any]) -> Prompt:
    return read_prompt(Endpoint.CHAT_COMPLETIONS, json.dumps(document).encode())


def is_embedded(text: Text, prompt: Prompt) -> bool:
    return any(not other.is_key and other.pointer == text.pointer[:-1] for other in prompt.texts)


def spans_in(text: Text, data: st.DataObject) -> list[tuple[int, int]]:
    """Some spans of the text that do not overlap, in order."""
    edges = sorted(data.draw(st.sets(st.integers(0, len(text.value)), max_size=6)))
    return list(zip(edges[::2], edges[1::2], strict=False))


def replaced(value: str, spans: list[tuple[int, int]], replacement: str) -> str:
    for start, end in reversed(spans):
        value = value[:start] + replacement + value[end:]
    return value


def put(document: Any, pointer: tuple[str | int, ...], value: str) -> None:
    for step in pointer[:-1]:
        document = document[step]
    document[pointer[-1]] = value


@given(DOCUMENTS, WORDS, st.data())
def test_edits_of_plain_strings_replace_their_spans_and_nothing_else(
    document: dict[str, Any], replacement: str, data: st.DataObject
) -> None:
    prompt = prompt_of(document)
    edits: list[Edit] = []
    expected = copy.deepcopy(document)
    for index, text in enumerate(prompt.texts):
        carries_others = any(other.pointer[:-1] == text.pointer for other in prompt.texts)
        is_carrier = "\\" in text.value and text.value.lstrip()[:1] in ("{", "[")
        if text.is_key or carries_others or is_carrier or is_embedded(text, prompt):
            continue
        spans = spans_in(text, data)
        edits += [Edit(index, start, end, replacement) for start, end in spans]
        if spans:
            put(expected, text.pointer, replaced(text.value, spans, replacement))
    body = rewrite(prompt, model=None, include_usage=False, edits=data.draw(st.permutations(edits)))
    assert prompt.document == document
    assert (body is None) == (not edits)
    if body is not None:
        assert json.loads(body) == expected


def opened(value: Any, found: list[str]) -> Any:
    """`value` with the JSON inside its strings parsed, as the reader of tool arguments sees it; `found`: all strings.

    Objects become lists of pairs, so that keys can be compared like values.
    """
    if isinstance(value, dict):
        return [[opened(key, found), opened(child, found)] for key, child in value.items()]
    if isinstance(value, list):
        return [opened(child, found) for child in value]
    if isinstance(value, str):
        found.append(value)
        if value.lstrip()[:1] in ("{", "["):
            try:
                return ["opened", opened(json.loads(value), found)]
            except ValueError:
                return value
    return value


def with_string(tree: Any, string: str, replacement: str) -> Any:
    if isinstance(tree, list):
        return [with_string(child, string, replacement) for child in tree]
    return replacement if tree == string else tree


def tool_result(content: str) -> Prompt:
    return prompt_of({"model": "m", "messages": [{"role": "tool", "content": content}]})


@given(st.one_of(ARGUMENTS, NESTED_ARGUMENTS))
def test_every_string_inside_a_string_is_seen_decoded(arguments: str) -> None:
    found: list[str] = []
    opened(arguments, found)
    seen = [text.value for text in tool_result(arguments).texts]
    assert all(any(string in value for value in seen) for string in found)


@given(WORDS, CONTAINERS, st.integers(1, 3), st.booleans(), st.data())
def test_an_edit_inside_a_string_changes_that_string_alone(
    word: str, beside: Any, levels: int, ascii_only: bool, data: st.DataObject
) -> None:
    value = f"x\n{word}x"  # x occurs nowhere else, and the line feed needs an escape
    arguments = value
    for _ in range(levels):
        arguments = json.dumps([beside, {"key": arguments}], ensure_ascii=ascii_only)
    prompt = tool_result(arguments)
    index = next(index for index, text in enumerate(prompt.texts) if text.value == value)
    start = data.draw(st.integers(0, len(value) - 1))
    end = data.draw(st.integers(start + 1, len(value)))
    marker = '⟦"\\⟧'
    body = rewrite(prompt, model=None, include_usage=False, edits=[Edit(index, start, end, marker)])
    assert body is not None
    expected = with_string(opened(prompt.document, []), value, replaced(value, [(start, end)], marker))
    assert opened(json.loads(body), []) == expected


@given(st.one_of(ARGUMENTS, NESTED_ARGUMENTS), st.data())
def test_whatever_is_edited_the_json_inside_stays_json(arguments: str, data: st.DataObject) -> None:
    """Edits outside, inside and across, and such as begin or end in the middle of an escape."""
    prompt = tool_result(arguments)
    edits = []
    for index, text in enumerate(prompt.texts):
        places = [
            at + offset
            for at, (first, second) in enumerate(pairwise(text.value))
            if first == "\\" and second in "nt"
            for offset in (0, 1)
        ]
        if is_embedded(text, prompt):
            places += [at for at, character in enumerate(text.value) if character in "ab1é😀"]
        if places:
            at = data.draw(st.sampled_from(places))
            edits.append(Edit(index, at, at + 1, "*"))
    body = rewrite(prompt, model=None, include_usage=False, edits=edits)
    if body is not None:
        json.loads(json.loads(body)["messages"][0]["content"])
