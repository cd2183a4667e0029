"""The count of a request is never below what a provider counts: by the published recipe, and by whole renderings of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.dialects.requests import read_prompt
from gateway_ext.exchange import Endpoint
from gateway_ext.tokens.prompts import input_tokens
from gateway_ext.tokens.vocabularies import VOCABULARIES, encoding

TEXTS = st.text(max_size=60) | st.text("aA1 .\n'\"\\/{}[]:,éß你😀\u200b\u0301", max_size=200)
NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,20}", fullmatch=True)
PARTS = st.lists(st.builds(lambda text: {"type": "text", "text": text}, TEXTS), min_size=1, max_size=3)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXTS | PARTS}, optional={"name": NAMES}
    ),
    min_size=1,
    max_size=5,
)
PROPERTIES = st.dictionaries(
    NAMES,
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "integer"]), "description": TEXTS},
        optional={"enum": st.lists(TEXTS, min_size=1, max_size=3)},
    ),
    min_size=1,
    max_size=4,
)
TOOLS = st.lists(
    st.builds(
        lambda name, description, properties: {
            "type": "function",
            "function": {
                "name": name,
                "description": description,
                "parameters": {"type": "object", "properties": properties, "required": []},
            },
        },
        NAMES,
        TEXTS,
        PROPERTIES,
    ),
    min_size=1,
    max_size=3,
)


def contents(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def by_recipe(document: dict[str, Any], vocabulary: str) -> int:
    """OpenAI, Cookbook, "How to count tokens with tiktoken": messages, and tools with what each part of them costs."""

    def tokens(text: str) -> int:
        return len(encoding(vocabulary).encode_ordinary(text))

    total = 3  # the answer is primed
    for message in document["messages"]:
        total += 3 + tokens(message["role"]) + tokens(contents(message))
        total += tokens(message["name"]) + 1 if "name" in message else 0
    for tool in document.get("tools", ()):
        function = tool["function"]
        total += 7 + tokens(f"{function['name']}:{function['description'].removesuffix('.')}") + 3
        for key, value in function["parameters"]["properties"].items():
            total += 3 - (3 if "enum" in value else 0)
            total += sum(3 + tokens(item) for item in value.get("enum", ()))
            total += tokens(f"{key}:{value['type']}:{value['description'].removesuffix('.')}")
    return total + (12 if "tools" in document else 0)


def rendered(document: dict[str, Any]) -> Iterator[str]:
    """As one text: tools in the manner of TypeScript, each message behind marks that are one token each at the model."""
    for message in document["messages"]:
        yield f"|{message['role']}|{message.get('name', '')}|{contents(message)}|"
    for tool in document.get("tools", ()):
        function = tool["function"]
        yield f"// {function['description']}\ntype {function['name']} = (_: {{\n"
        for key, value in function["parameters"]["properties"].items():
            kinds = " | ".join(json.dumps(item, ensure_ascii=False) for item in value.get("enum", ())) or value["type"]
            yield f"// {value['description']}\n{key}?: {kinds},\n"
        yield "}) => any;\n\n"


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
@settings(deadline=None)
@given(messages=MESSAGES, tools=st.none() | TOOLS, escaped=st.booleans())
def test_the_count_of_a_chat_is_never_too_low(
    vocabulary: str, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None, escaped: bool
) -> None:
    document = {"model": "m", "messages": messages, **({"tools": tools} if tools else {})}
    prompt = read_prompt(Endpoint.CHAT_COMPLETIONS, json.dumps(document, ensure_ascii=escaped).encode())
    counted = input_tokens(prompt, vocabulary)
    assert counted is not None
    whole = len(encoding(vocabulary).encode_ordinary("".join(rendered(document))))
    assert counted.at_most >= max(whole, by_recipe(document, vocabulary))
    assert counted.at_least <= by_recipe(document, vocabulary)
