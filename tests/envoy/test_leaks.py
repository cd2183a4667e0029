"""The ways around a guard that users of other gateways have paid for, tried on this one from end to end.

Each request holds a value where such a gateway did not look. The provider's own log says what reached it. What the
gateway itself writes is searched at the end of every one that the suite starts (examination.py); here is what that rests on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.envoy.examination import ALLOWED, Examination, Examiner, files_below
from tests.envoy.handed_out import HANDED_OUT, Kind
from tests.envoy.planted import IBAN, KEY, TEXT, WORD, pages, plant
from tests.envoy.stack import Stack, running_stack
from tests.unit.test_docs import first_cells, has_row

pytestmark = pytest.mark.envoy
DIGITS = "37040044"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One of its own: its policy redacts IBANs."""
    with running_stack(tmp_path_factory.mktemp("leaks")) as running:
        running.use_policy(("guard.yaml", "detectors:\n", "detectors:\n  iban: {action: redact}\n"))
        yield running


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def call(arguments: str) -> dict[str, Any]:
    function = {"name": "pay", "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": function}]}


def chat(*messages: dict[str, Any], **more: Any) -> tuple[str, dict[str, Any]]:
    return "/chat/completions", {"model": "assistant", "messages": list(messages), **more}


def requests(value: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """The value in every place, by the name of the place."""
    tool = {"type": "function", "function": {"name": "pay", "description": f"uses {value}", "parameters": {}}}
    escaped = json.dumps({"to": value}).replace("3", "\\u0033").replace("K", "\\u004b")
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": f"https://x.example/?k={value}"}},
    ]
    items = [{"role": "user", "content": [{"type": "input_text", "text": value}]}, user("and now?")]
    return {
        "an earlier message": chat(user(f"It is {value}"), {"role": "assistant", "content": "Noted."}, user("And?")),
        "an answer of the model's": chat(user("Hi"), {"role": "assistant", "content": value}, user("And?")),
        "the system prompt": chat({"role": "system", "content": f"Use {value}."}, user("Hi")),
        "a developer's message": chat({"role": "developer", "content": f"Use {value}."}, user("Hi")),
        "arguments of a tool call": chat(user("Hi"), call(json.dumps({"to": value})), user("And?")),
        "escapes in arguments of a tool call": chat(user("Hi"), call(escaped), user("And?")),
        "a tool's result": chat(user("Hi"), {"role": "tool", "tool_call_id": "c1", "content": value}),
        "a tool's description": chat(user("Hi"), tools=[tool]),
        "a part beside an image": chat(user(parts)),
        "metadata": chat(user("Hi"), metadata={"note": value}),
        "the end user's name": chat(user("Hi"), user=value),
        "a prompt in a batch": ("/completions", {"model": "assistant", "prompt": ["Hi", value]}),
        "an input to be embedded": ("/embeddings", {"model": "embedder", "input": ["Hi", value]}),
        "instructions of a response": ("/responses", {"model": "assistant", "input": "Hi", "instructions": value}),
        "an earlier item of a response": ("/responses", {"model": "assistant", "input": items}),
        "a streamed response": ("/responses", {"model": "assistant", "input": value, "stream": True}),
    }


@pytest.mark.parametrize("place", requests(""))
def test_a_blocked_key_is_refused_wherever_it_stands(stack: Stack, place: str) -> None:
    stack.forget_upstream_log()
    path, body = requests(KEY)[place]
    with stack.client() as client:
        answer = client.post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "content_blocked")
    assert KEY not in answer.text
    assert stack.upstream_log() == []


@pytest.mark.parametrize("place", requests(""))
def test_a_printed_iban_is_redacted_wherever_it_stands(stack: Stack, place: str) -> None:
    stack.forget_upstream_log()
    path, body = requests(IBAN)[place]
    with stack.client() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    (seen,) = stack.upstream_log()
    reached = json.dumps(seen["body"]).replace("\\\\u0033", "3")
    assert "[IBAN]" in reached
    assert DIGITS not in "".join(filter(str.isdigit, reached))
    assert DIGITS not in "".join(filter(str.isdigit, answer.text))


# --- what the gateway writes ------------------------------------------------------------------------------------------


def examined(stack: Stack) -> Examination:
    examiner = Examiner(HANDED_OUT)
    examiner.learn_keys(stack.state)
    return examiner.examine(stack.state.parent, pages(stack))


def test_planted_values_pass_through_the_gateway_and_are_written_nowhere(stack: Stack) -> None:
    stack.forget_upstream_log()
    plant(stack)
    reached = json.dumps(stack.upstream_log())
    assert WORD in reached
    assert TEXT.replace(IBAN, "[IBAN]") in reached
    stack.wait_for_records(lambda records: sum("content_blocked" in str(each) for each in records) > 0)
    assert examined(stack).violations == ()


def test_each_exception_of_the_search_is_needed(stack: Stack) -> None:
    assert examined(stack).needed == set(ALLOWED)


def test_every_file_of_the_state_has_a_row_in_the_threat_model(stack: Stack) -> None:
    named = first_cells("threat-model.md", "store") | first_cells("threat-model.md", "channel")
    left = {re.sub(r"-(wal|shm)$", "", str(path.relative_to(stack.state))) for path in files_below(stack.state)}
    assert {path for path in left if not has_row(named, path)} == set()


@pytest.mark.parametrize("file", ["log/control.log", "otlp/logs.jsonl", "ledger.sqlite-wal", "xds/clusters.yaml"])
def test_a_value_that_is_written_all_the_same_is_found(stack: Stack, file: str) -> None:
    """In a copy: the gateway's own files stay as they are."""
    path = stack.state / file
    beside = path.with_name(f"copy-of-{path.name}")
    content = path.read_bytes()
    beside.write_bytes(content + WORD.encode())
    try:
        found = examined(stack).violations
    finally:
        beside.unlink()
    assert {each.file for each in found} == {f"state/{beside.relative_to(stack.state)}"}
    assert Kind.PLANTED in {each.kind for each in found if each.offset == len(content)}
