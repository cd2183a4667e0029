from typing import Any

import pytest

from gateway_ext.dialects.translation.contract import Traits
from gateway_ext.dialects.translation.translate import translate_request
from gateway_ext.errors import NotTranslatable
from gateway_ext.exchange import Endpoint
from tests.unit.dialects.translation.official_models import check_request

USER = {"role": "user", "content": "hello"}
TOOL = {"name": "f", "input_schema": {"type": "object"}}


def messages(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 4000, "messages": [USER], **fields}


def saying(*content: dict[str, Any]) -> dict[str, Any]:
    return messages(messages=[{"role": "user", "content": list(content)}])


def document(**fields: Any) -> dict[str, Any]:
    return saying({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}, **fields})


def translated(
    given: dict[str, Any], *, keeps_unknown: bool = False, output_field: str = "max_completion_tokens"
) -> dict[str, Any]:
    made, _ = translate_request(
        given,
        Endpoint.MESSAGES,
        Endpoint.CHAT_COMPLETIONS,
        keeps_unknown=keeps_unknown,
        asked_at_seconds=0,
        traits=Traits(chat_output_field=output_field),
    )
    check_request(Endpoint.CHAT_COMPLETIONS, made)
    return made


@pytest.mark.parametrize(
    ("given", "param"),
    [
        (messages(top_k=5), "top_k"),
        (messages(max_tokens=0), "max_tokens"),
        (messages(container="c"), "container"),
        (messages(inference_geo="eu"), "inference_geo"),
        (messages(mcp_servers=[{"name": "m", "type": "url", "url": "https://example.org"}]), "mcp_servers"),
        (
            messages(context_management={"edits": [{"type": "clear_tool_uses_20250919"}]}),
            "context_management.edits[0].type",
        ),
        (messages(thinking={"type": "between_tools"}), "thinking.type"),
        (messages(thinking={"type": "enabled"}), "thinking.type"),
        (messages(output_format={"type": "text"}), "output_format.type"),
        (
            messages(
                output_format={"type": "json_schema", "schema": {}},
                output_config={"format": {"type": "json_schema", "schema": {}}},
            ),
            "output_config.format",
        ),
        (messages(tools=[{"type": "web_search_20250305", "name": "web_search"}]), "tools[0].type"),
        (messages(tools=[{**TOOL, "input_examples": [{"a": 1}]}]), "tools[0].input_examples"),
        (messages(tools=[{**TOOL, "defer_loading": True}]), "tools[0].defer_loading"),
        (messages(tools=[{**TOOL, "allowed_callers": ["code_execution_20250825"]}]), "tools[0].allowed_callers"),
        (messages(tool_choice={"type": "any"}), "tool_choice"),
        (messages(tools=[TOOL], tool_choice={"type": "some"}), "tool_choice.type"),
        (messages(messages=[USER, {"role": "assistant", "content": "The"}]), "messages"),
        (messages(messages=[{"role": "robot", "content": "…"}]), "messages[0].role"),
        (messages(system=[{"type": "image", "source": {}}]), "system[0].type"),
        (saying({"type": "container_upload", "file_id": "f"}), "messages[0].content[0].type"),
        (saying({"type": "search_result", "title": "t", "source": "s", "content": []}), "messages[0].content[0].type"),
        (saying({"type": "image", "source": {"type": "file", "file_id": "f"}}), "messages[0].content[0].source.type"),
        (document(citations={"enabled": True}), "messages[0].content[0].citations.enabled"),
        (document(source={"type": "url", "url": "https://example.org/a.pdf"}), "messages[0].content[0].source.type"),
        (
            messages(messages=[{"role": "assistant", "content": [{"type": "server_tool_use", "id": "s"}]}, USER]),
            "messages[0].content[0].type",
        ),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(given: dict[str, Any], param: str) -> None:
    for keeps_unknown in (False, True):
        with pytest.raises(NotTranslatable) as refusal:
            translated(given, keeps_unknown=keeps_unknown)
        assert refusal.value.param == param


@pytest.mark.parametrize("field", ["n", "best_of", "max_completion_tokens", "prompt", "N"])
def test_no_unknown_field_multiplies_what_is_asked_for(field: str) -> None:
    with pytest.raises(NotTranslatable):
        translated(messages(**{field: 5}), keeps_unknown=True)


def test_unknown_fields_are_kept_where_they_stood() -> None:
    made = translated(saying({"type": "text", "text": "a", "x_own": 1}) | {"x_more": 2}, keeps_unknown=True)
    assert made["x_more"] == 2
    assert made["messages"][0]["content"] == [{"type": "text", "text": "a", "x_own": 1}]


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_the_limit_goes_into_the_field_that_the_deployment_knows(field: str) -> None:
    made = translated(messages(max_tokens=7), output_field=field)
    assert made[field] == 7
    assert len({"max_tokens", "max_completion_tokens"} & made.keys()) == 1


@pytest.mark.parametrize(
    ("thinking", "effort", "becomes"),
    [
        (None, None, None),
        (None, "low", "low"),
        ({"type": "disabled"}, "high", "none"),
        ({"type": "adaptive"}, None, None),
        ({"type": "adaptive"}, "max", "max"),
        ({"type": "enabled", "budget_tokens": 1024}, None, "low"),
        ({"type": "enabled", "budget_tokens": 1900}, None, "medium"),
        ({"type": "enabled", "budget_tokens": 3999}, None, "high"),
        ({"type": "enabled", "budget_tokens": 3999}, "low", "low"),
    ],
)
def test_thinking(thinking: dict[str, Any] | None, effort: str | None, becomes: str | None) -> None:
    given = messages(
        **({"thinking": thinking} if thinking else {}), **({"output_config": {"effort": effort}} if effort else {})
    )
    assert translated(given).get("reasoning_effort") == becomes


def test_a_tool_that_failed_without_a_word_is_still_told_apart() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "is_error": True}
    call = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}
    made = translated(messages(messages=[USER, call, {"role": "user", "content": [result]}]))
    assert made["messages"][-1] == {"role": "tool", "tool_call_id": "t", "content": "Error: "}


def test_turns_that_only_thought_are_left_out() -> None:
    thought = {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}]}
    assert translated(messages(messages=[USER, thought, USER]))["messages"] == [USER, USER]


def test_a_schema_without_a_usable_title_gets_a_name() -> None:
    form = {"type": "json_schema", "schema": {"type": "object", "title": "not a name!"}}
    made = translated(messages(output_config={"format": form}))
    assert made["response_format"]["json_schema"]["name"] == "answer"
