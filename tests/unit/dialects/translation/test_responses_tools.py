import orjson
import pytest

from gateway_ext.dialects.translation.responses_tools import CUSTOM_INPUT, custom_input, custom_names


@pytest.mark.parametrize("text", ["", "plain", 'with "quotes" and \\', "*** Begin\n+é\U0001f600"])
def test_the_input_of_a_custom_tool_survives_its_function(text: str) -> None:
    assert custom_input(orjson.dumps({CUSTOM_INPUT: text}).decode()) == text


@pytest.mark.parametrize(
    "arguments", ["", '{"input": "cut', "free text", "[1]", '{"input": 5}', '{"input": "a", "b": 1}']
)
def test_other_arguments_are_taken_as_they_are(arguments: str) -> None:
    assert custom_input(arguments) == arguments


def test_custom_tools_are_known_by_name() -> None:
    tools = [{"type": "custom", "name": "patch"}, {"type": "function", "name": "read"}]
    assert custom_names({"tools": tools}) == {"patch"}
    assert custom_names({"tools": None}) == frozenset()
