"""Claude Code behind the gateway: its requests as recorded, and the program itself where there is one.

`CLAUDE_CODE=/path/to/claude pytest tests/envoy/test_claude_code.py` runs the program, too.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.clients import claude_code
from tests.envoy.client_matrix import PIXEL
from tests.envoy.stack import Stack

pytestmark = pytest.mark.envoy
PROGRAM = os.environ.get("CLAUDE_CODE", "")
PLACE = "credential: simulator-us, jurisdiction: US, tier: frontier"  # where nothing personal goes
SERVES = {"messages": "dialect: anthropic", "chat": "endpoints: [/v1/chat/completions]"}
WIRES = {"messages": "/us/v1/messages", "chat": "/us/v1/chat/completions"}
MODELS = pytest.mark.parametrize("model", SERVES)


@pytest.fixture(scope="module", autouse=True)
def _models(stack: Stack) -> Iterator[None]:
    """Two: one with a deployment that speaks Messages and counts tokens, one with a deployment that does neither."""
    url = f"http://127.0.0.1:{stack.ports.simulator}/us/v1"
    providers = "".join(f'  {name}: {{url: "{url}", {served}, {PLACE}}}\n' for name, served in SERVES.items())
    price = "price: {input: 0, output: 0}"
    models = "".join(f"  {name}: {{deployments: [{{provider: {name}, {price}}}]}}\n" for name in SERVES)
    stack.use_policy(
        ("providers.yaml", "\nproviders:\n", f"\nproviders:\n{providers}"),
        ("models.yaml", "\nmodels:\n", f"\nmodels:\n{models}"),
    )
    yield
    stack.use_policy()


@pytest.fixture
def client(stack: Stack) -> Iterator[anthropic.Anthropic]:
    address, token = stack.base_url.removesuffix("/v1"), stack.token(subject="claude-code")
    with anthropic.Anthropic(base_url=address, api_key=token, max_retries=0) as made:
        yield made


def said(client: anthropic.Anthropic, request: Mapping[str, Any]) -> Any:
    """The message that a stream of the recorded request ends up as, read by the SDK that Claude Code is built on."""
    fields = {name: value for name, value in request.items() if name != "stream"}
    options: Any = {"extra_headers": dict(claude_code.HEADERS), "extra_query": {"beta": "true"}}
    beyond = {name: fields.pop(name) for name in ("context_management",)}  # of a beta, for which it has another method
    with client.messages.stream(**fields, extra_body=beyond, **options) as stream:
        return stream.get_final_message()


@MODELS
def test_a_turn_its_tool_and_the_answer(client: anthropic.Anthropic, stack: Stack, model: str) -> None:
    called = said(client, claude_code.first_turn(model, "echo hello"))
    (call,) = [block for block in called.content if block.type == "tool_use"]
    assert (call.name, call.input, called.stop_reason) == ("Bash", {"command": "echo hello"}, "tool_use")
    answer = said(client, claude_code.after_tool(model, "echo hello", call.model_dump(), failed=True))
    assert [block.text for block in answer.content] == ["You said: echo hello"]
    assert [seen["path"] for seen in stack.upstream_log()] == [WIRES[model]] * 2


@MODELS
def test_what_else_it_sends(client: anthropic.Anthropic, stack: Stack, model: str) -> None:
    call = {"id": "toolu_1", "name": "Read", "input": {"file_path": "/pixel.png"}}
    said(client, claude_code.after_picture(model, call, PIXEL))
    said(client, {**claude_code.sub_agent(model, "Look."), "context_management": None})
    seen = stack.upstream_log()
    assert [each["path"] for each in seen] == [WIRES[model]] * 2
    assert PIXEL in seen[0]["body"]


def test_betas_reach_those_who_know_them_and_what_tells_of_the_caller_does_not(
    client: anthropic.Anthropic, stack: Stack
) -> None:
    said(client, claude_code.first_turn("messages", "echo betas"))
    (seen,) = stack.upstream_log()
    assert seen["headers"]["anthropic-beta"] == claude_code.BETAS
    assert not [name for name in seen["header_names"] if name.startswith(("x-claude", "x-stainless", "x-app"))]


def test_a_deployment_that_counts_is_asked(client: anthropic.Anthropic, stack: Stack) -> None:
    headers = {"anthropic-beta": claude_code.COUNTING_BETAS}
    counted: Any = client.messages.count_tokens(**claude_code.count("messages"), extra_headers=headers)
    assert counted.input_tokens == 1, "as the simulator counts: words of messages"
    (seen,) = stack.upstream_log()
    assert seen["path"] == "/us/v1/messages/count_tokens"
    assert seen["headers"]["anthropic-beta"] == claude_code.COUNTING_BETAS
    assert json.loads(seen["body"]) == claude_code.count("messages")


def test_for_any_other_the_gateway_counts(client: anthropic.Anthropic, stack: Stack) -> None:
    response: Any = client.messages.with_raw_response.count_tokens(**claude_code.count("chat"))
    assert 150 < response.parse().input_tokens < 400
    assert response.headers["request-id"] == response.headers["x-request-id"]
    assert stack.upstream_log() == []


def test_a_count_is_in_the_trail_and_costs_nothing(stack: Stack) -> None:
    with stack.client(stack.token(subject="counting")) as http:
        for model in SERVES:
            assert http.post("/messages/count_tokens", json=claude_code.count(model)).status_code == 200
    records = stack.wait_for_records(lambda found: len(of_counting(found)) == 4)
    decided, answered = of_counting(records)[:2], of_counting(records)[2:]
    assert {each["gen_ai.operation.name"] for each in decided} == {"count_tokens"}
    assert {each["gateway.decision.action"] for each in decided} == {"forward", "answer"}
    assert all(each.get("gateway.budget.cost_nano", 0) == 0 for each in answered)
    assert not any("gen_ai.usage.input_tokens" in each for each in answered)


def of_counting(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Decisions first."""
    ids = {r["gateway.exchange.id"] for r in records if r.get("gateway.principal.subject") == "counting"}
    found = [r for r in records if r.get("gateway.exchange.id") in ids]
    return sorted(found, key=lambda record: ":outcome:" in str(record["event"]))


def test_models_as_both_dialects_list_them(client: anthropic.Anthropic) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert listed.keys() >= {"messages", "chat", "assistant"}
    assert (listed["chat"].type, listed["chat"].display_name) == ("model", "chat")
    assert client.models.retrieve("chat") == listed["chat"]
    with pytest.raises(anthropic.NotFoundError):
        client.models.retrieve("none")


# --- the program itself -----------------------------------------------------------------------------------------------


@MODELS
def test_the_program(stack: Stack, model: str, tmp_path: Path) -> None:
    tools = ["--tools", "Bash", "--allowedTools", "Bash", "--output-format", "json"]
    done = run(stack, model, tmp_path, "echo hello-from-the-tool", *tools)
    assert (done["is_error"], done["num_turns"]) == (False, 2)
    results = [message["content"] for message in last_sent(stack)["messages"] if message["role"] in ("user", "tool")]
    assert "hello-from-the-tool" in str(results[1:]), "the tool has run, and its result was sent"
    stack.forget_upstream_log()
    run(stack, model, tmp_path, "/context", "--output-format", "json")
    assert {seen["path"] for seen in stack.upstream_log()} <= {"/us/v1/messages/count_tokens"}, "counting asks no model"


vars(test_the_program)["__test__"] = bool(PROGRAM)  # its licence forbids passing it on, so nobody has it by default


def run(stack: Stack, model: str, home: Path, *arguments: str) -> dict[str, Any]:
    """What it prints. All that it is told about the gateway is in its environment."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": stack.base_url.removesuffix("/v1"),
        "ANTHROPIC_AUTH_TOKEN": stack.token(subject="claude-code"),
        "ANTHROPIC_MODEL": model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    command = [PROGRAM, "-p", *arguments]
    shown = subprocess.run(
        command, env=environment, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True
    )
    found: dict[str, Any] = json.loads(shown.stdout)
    return found


def last_sent(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.upstream_log()[-1]["body"])
    return found
