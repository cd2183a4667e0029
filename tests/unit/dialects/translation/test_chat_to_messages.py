from typing import Any

import pytest

from gateway_ext.dialects.translation.contract import Thinking, Traits
from gateway_ext.dialects.translation.translate import translate_request
from gateway_ext.errors import NotTranslatable
from gateway_ext.exchange import Endpoint
from tests.unit.dialects.translation.official_models import check_request

USER = {"role": "user", "content": "hello"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 4000, "messages": [USER], **fields}


def saying(*content: dict[str, Any]) -> dict[str, Any]:
    return chat(messages=[{"role": "user", "content": list(content)}])


def called(**call: Any) -> dict[str, Any]:
    return chat(messages=[USER, {"role": "assistant", "tool_calls": [{**CALL, **call}]}, USER])


def translated(document: dict[str, Any], *, keeps_unknown: bool = False, traits: Traits = Traits()) -> dict[str, Any]:  # noqa: B008  (frozen)
    made, _ = translate_request(
        document,
        Endpoint.CHAT_COMPLETIONS,
        Endpoint.MESSAGES,
        keeps_unknown=keeps_unknown,
        asked_at_seconds=0,
        traits=traits,
    )
    check_request(Endpoint.MESSAGES, {name: value for name, value in made.items() if name != "x_own"})
    return made


@pytest.mark.parametrize(
    ("document", "param"),
    [
        (chat(n=2), "n"),
        (chat(logprobs=True), "logprobs"),
        (chat(top_logprobs=3), "top_logprobs"),
        (chat(logit_bias={"5": 1}), "logit_bias"),
        (chat(seed=7), "seed"),
        (chat(frequency_penalty=0.5), "frequency_penalty"),
        (chat(presence_penalty=-1), "presence_penalty"),
        (chat(temperature=1.5), "temperature"),
        (chat(temperature="hot"), "temperature"),
        (chat(verbosity="low"), "verbosity"),
        (chat(modalities=["text", "audio"]), "modalities"),
        (chat(audio={"voice": "alloy", "format": "mp3"}), "audio"),
        (chat(web_search_options={}), "web_search_options"),
        (chat(functions=[{"name": "f"}]), "functions"),
        (chat(response_format={"type": "json_object"}), "response_format.type"),
        (chat(reasoning_effort="extreme"), "reasoning_effort"),
        (chat(stop=["  "]), "stop"),
        (chat(stop=5), "stop"),
        (chat(max_tokens=None), "max_completion_tokens"),
        (chat(tool_choice="required"), "tool_choice"),
        (chat(tools=[{"type": "custom", "custom": {"name": "sh"}}]), "tools[0].type"),
        (chat(tools="f"), "tools"),
        (chat(tools=["f"]), "tools[0]"),
        (chat(messages=[{"role": "system", "content": "s"}]), "messages"),
        (chat(messages=[USER, {"role": "assistant", "content": "The"}]), "messages"),
        (chat(messages=[{**USER, "name": "Ada"}]), "messages[0].name"),
        (chat(messages=[{"role": "function", "name": "f", "content": "1"}, USER]), "messages[0].role"),
        (chat(messages=[{"role": "user", "content": 5}]), "messages[0].content"),
        (chat(messages=[{"role": "assistant", "content": None, "audio": {"id": "a"}}, USER]), "messages[0].audio"),
        (saying({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}), "messages[0].content[0].type"),
        (saying({"type": "text"}), "messages[0].content[0].text"),
        (saying({"type": "file", "file": {"file_id": "file-1"}}), "messages[0].content[0].file.file_id"),
        (
            saying({"type": "file", "file": {"file_data": "data:text/csv;base64,YQ=="}}),
            "messages[0].content[0].file.file_data",
        ),
        (
            saying({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,YQ=="}}),
            "messages[0].content[0].image_url.url",
        ),
        (
            saying({"type": "image_url", "image_url": {"url": "data:image/png,%89PNG"}}),
            "messages[0].content[0].image_url.url",
        ),
        (called(function={"name": "f", "arguments": '{"a":'}), "messages[1].tool_calls[0].function.arguments"),
        (called(function={"name": "f", "arguments": '{"a":1,"a":2}'}), "messages[1].tool_calls[0].function.arguments"),
        (called(function={"name": "f", "arguments": "[1]"}), "messages[1].tool_calls[0].function.arguments"),
        (called(id="functions.f:0"), "messages[1].tool_calls[0].id"),
        (called(type="custom"), "messages[1].tool_calls[0].type"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(document: dict[str, Any], param: str) -> None:
    for keeps_unknown in (False, True):
        with pytest.raises(NotTranslatable) as refusal:
            translated(document, keeps_unknown=keeps_unknown)
        assert refusal.value.param == param
        assert param in str(refusal.value)


@pytest.mark.parametrize("keeps_unknown", [False, True])
def test_what_clients_send_back_of_an_answer_is_left_out(keeps_unknown: bool) -> None:
    answer = {"role": "assistant", "content": "Hi", "annotations": [], "provider_specific_fields": {"refusal": None}}
    said = translated(chat(messages=[USER, answer, USER]), keeps_unknown=keeps_unknown)["messages"][1]
    assert said == {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}


def test_fields_that_no_schema_knows_are_kept_where_they_stood_or_refused_without_their_name() -> None:
    document = chat(x_own={"deep": [1]}, messages=[{**USER, "x_own": "mine"}])
    kept = translated(document, keeps_unknown=True)
    assert kept["x_own"] == {"deep": [1]}
    assert kept["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hello", "x_own": "mine"}]}]
    for refused, param in [(document, "messages[0]"), (chat(x_own=1), "request")]:
        with pytest.raises(NotTranslatable) as refusal:
            translated(refused)
        assert refusal.value.param == param
        assert "x_own" not in str(refusal.value)


@pytest.mark.parametrize("field", ["system", "fallbacks", "Fallbacks", "mcp_servers", "stop_sequences", "best_of"])
def test_a_field_that_another_dialect_knows_is_refused_even_where_unknown_ones_are_kept(field: str) -> None:
    with pytest.raises(NotTranslatable) as refusal:
        translated(chat(**{field: "…"}), keeps_unknown=True)
    assert refusal.value.param == field.lower()


@pytest.mark.parametrize(
    ("effort", "thinking", "output_config"),
    [
        ("none", {"type": "disabled"}, None),
        ("minimal", {"type": "adaptive"}, {"effort": "low"}),
        ("max", {"type": "adaptive"}, {"effort": "max"}),
    ],
)
def test_effort_for_models_that_decide_how_much_to_think(
    effort: str, thinking: dict[str, Any], output_config: dict[str, Any] | None
) -> None:
    made = translated(chat(reasoning_effort=effort))
    assert (made["thinking"], made.get("output_config")) == (thinking, output_config)


@pytest.mark.parametrize(
    ("effort", "max_tokens", "budget_tokens"), [("high", 10_000, 8_000), ("low", 10_000, 2_000), ("low", 2_000, 1_024)]
)
def test_effort_as_a_share_of_the_output_for_models_that_are_told_a_number(
    effort: str, max_tokens: int, budget_tokens: int
) -> None:
    made = translated(chat(reasoning_effort=effort, max_tokens=max_tokens), traits=Traits(thinking=Thinking.BUDGET))
    assert made["thinking"] == {"type": "enabled", "budget_tokens": budget_tokens}
    assert "output_config" not in made


def test_an_effort_that_leaves_nothing_for_the_answer_is_refused() -> None:
    with pytest.raises(NotTranslatable) as refusal:
        translated(chat(reasoning_effort="low", max_tokens=1_024), traits=Traits(thinking=Thinking.BUDGET))
    assert refusal.value.param == "reasoning_effort"


@pytest.mark.parametrize(
    ("choice", "becomes"),
    [
        (None, None),
        ("auto", {"type": "auto"}),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
    ],
)
def test_tool_choice(choice: str | None, becomes: dict[str, Any] | None) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert translated(chat(tools=tools, tool_choice=choice)).get("tool_choice") == becomes
    serial = translated(chat(tools=tools, tool_choice=choice, parallel_tool_calls=False))["tool_choice"]
    expected = becomes or {"type": "auto"}
    assert serial == (expected if choice == "none" else {**expected, "disable_parallel_tool_use": True})


def test_a_schema_with_two_descriptions_is_refused() -> None:
    named = {"name": "n", "description": "one", "schema": {"type": "object", "description": "two"}}
    with pytest.raises(NotTranslatable) as refusal:
        translated(chat(response_format={"type": "json_schema", "json_schema": named}))
    assert refusal.value.param == "response_format.json_schema.description"


def test_the_newer_limit_counts_where_both_are_given() -> None:
    assert translated(chat(max_tokens=10, max_completion_tokens=20))["max_tokens"] == 20


def test_the_document_is_not_changed() -> None:
    document = called()
    before = repr(document)
    translated(document)
    assert repr(document) == before
