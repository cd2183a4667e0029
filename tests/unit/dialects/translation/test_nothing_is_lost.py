"""A mark in the place of any string, or in a field of any object, comes out again, or the request is refused."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway_ext.dialects.translation.translate import translate_request
from gateway_ext.errors import NotTranslatable
from gateway_ext.exchange import Endpoint

GOLDEN = Path(__file__).with_name("golden") / "requests"
CASES = {path.stem: orjson.loads(path.read_bytes()) for path in sorted(GOLDEN.glob("*.json"))}
MARK = "§mark§"

LEFT_OUT: dict[str, set[str]] = {
    Endpoint.CHAT_COMPLETIONS: {"metadata", "user", "detail", "reasoning_content", "stream_options", "store"},
    Endpoint.MESSAGES: {"cache_control", "metadata", "citations", "thinking", "data", "signature", "keep", "display"},
}
"""Names of fields in the cases of which docs/dialects.md says that they are left out."""
NAME_OF_A_TOOL = ("messages", 3, "name")


def strings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, str):
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from strings(inner, (*path, key))


def objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from objects(inner, (*path, key))


def put(document: Any, path: tuple[Any, ...], value: str) -> Any:
    changed = copy.deepcopy(document)
    container = changed
    for key in path[:-1]:
        container = container[key]
    container[path[-1]] = value
    return changed


def outcome(case: dict[str, Any], document: Any, *, keeps_unknown: bool) -> str:
    source, target = Endpoint(case["source"]), Endpoint(case["target"])
    try:
        made, _ = translate_request(document, source, target, keeps_unknown=keeps_unknown, asked_at_seconds=0)
    except NotTranslatable as refusal:
        return "told" if MARK in str(refusal) else "refused"
    return "kept" if MARK in orjson.dumps(made).decode() else "lost"


def unsaid(case: dict[str, Any], lost: set[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    return {path for path in lost if LEFT_OUT[case["source"]].isdisjoint(path)} - {NAME_OF_A_TOOL}


@pytest.mark.parametrize("name", CASES)
def test_every_string(name: str) -> None:
    case = CASES[name]
    outcomes = {
        path: outcome(case, put(case["given"], path, MARK), keeps_unknown=False) for path in strings(case["given"])
    }
    lost = {path for path, became in outcomes.items() if became == "lost"}
    assert unsaid(case, lost) == set()
    assert list(outcomes.values()).count("kept") > 5
    assert "told" not in outcomes.values(), "what came with a request must not be in an error"


@pytest.mark.parametrize("name", CASES)
def test_every_unknown_field(name: str) -> None:
    case = CASES[name]
    marked = [(path, put(case["given"], (*path, "x_unknown"), MARK)) for path in objects(case["given"])]
    lost = {path for path, document in marked if outcome(case, document, keeps_unknown=True) == "lost"}
    assert unsaid(case, lost) == set()
    passed = {path for path, document in marked if outcome(case, document, keeps_unknown=False) != "refused"}
    callers_own = {"schema", "parameters", "input_schema", "input"}  # names in them are the caller's, and none unknown
    assert {path for path in passed - lost if callers_own.isdisjoint(path)} == set()
