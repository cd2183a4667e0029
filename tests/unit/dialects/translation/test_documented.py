"""docs/dialects.md says of every field that a caller may send what becomes of it, and that is what becomes of it."""

import re
from pathlib import Path
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

from gateway_ext.dialects.translation.translate import translate_request
from gateway_ext.errors import NotTranslatable
from gateway_ext.exchange import Endpoint

DOCUMENT = Path(__file__).parents[4] / "docs" / "dialects.md"
CHAT, MESSAGES, RESPONSES = Endpoint.CHAT_COMPLETIONS, Endpoint.MESSAGES, Endpoint.RESPONSES
WAYS = {"chat completions": (CHAT, MESSAGES), "Messages": (MESSAGES, CHAT), "responses": (RESPONSES, CHAT)}
PARAMETERS: dict[str, Any] = {
    "chat completions": CompletionCreateParamsStreaming,
    "Messages": MessageCreateParamsStreaming,
    "responses": ResponseCreateParamsStreaming,
}
EARLIER: dict[str, set[str]] = {"Messages": {"temperature", "top_k", "top_p"}}
"""Fields that the SDK has no more, as the latest models do without."""

WORDS: dict[str, Any] = {"max_tokens": 5, "messages": [{"role": "user", "content": "hello"}]}
PLAIN: dict[str, dict[str, Any]] = {"chat completions": WORDS, "Messages": WORDS, "responses": {"input": "hello"}}


def fates(dialect: str) -> dict[str, str]:
    """By field: the second column of its table."""
    table = DOCUMENT.read_text().split(f"| field of {dialect} |")[1].split("\n\n")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE))


def those(fate: str) -> list[Any]:
    return [(dialect, field) for dialect in WAYS for field, said in fates(dialect).items() if said.startswith(fate)]


def translated(dialect: str, **fields: Any) -> dict[str, Any]:
    return translate_request(
        {"model": "m", **PLAIN[dialect], **fields}, *WAYS[dialect], keeps_unknown=True, asked_at_seconds=0
    )[0]


@pytest.mark.parametrize("dialect", WAYS)
def test_every_field_of_the_official_sdk_is_in_the_table(dialect: str) -> None:
    assert fates(dialect).keys() == PARAMETERS[dialect].__annotations__.keys() | EARLIER.get(dialect, set())


@pytest.mark.parametrize(("dialect", "field"), those("left out"))
def test_what_is_said_to_be_left_out_changes_nothing(dialect: str, field: str) -> None:
    assert translated(dialect, **{field: "…"}) == translated(dialect)


@pytest.mark.parametrize(("dialect", "field"), those("refused"))
def test_what_is_said_to_be_refused_is(dialect: str, field: str) -> None:
    with pytest.raises(NotTranslatable) as refusal:
        translated(dialect, **{field: "…"})
    assert refusal.value.param == field
    assert translated(dialect, **{field: None}) == translated(dialect)
