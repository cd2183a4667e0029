"""What was held limits the answer, over the real gateway: in the provider's request, in the caller's answer, in the books."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest

from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.status import AccountStatus, read_accounts
from gateway_ext.limits import NANO
from tests.envoy.stack import Stack, chat, running_stack

pytestmark = pytest.mark.envoy

HEADER = "x-gateway-output-cap"
OUTPUT_NANO = 10_000  # a token of `assistant`, policies/models.yaml
WORDS = "word " * 2_000
PER_USER = "{name: per-user, scope: user, amount: 20, window: month}"
MODEL = "    context_tokens: 128000\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One of its own: these tests change its policy."""
    with running_stack(tmp_path_factory.mktemp("output-caps")) as running:
        yield running


def with_budget(tokens_worth: int) -> tuple[str, str, str]:
    """Room for about so many tokens of output for each user."""
    return "budgets.yaml", PER_USER, PER_USER.replace("20", f"{tokens_worth * OUTPUT_NANO / NANO:.9f}")


def account(stack: Stack, user: str) -> AccountStatus:
    found = {AccountKey.parse(each.key).value: each for each in read_accounts(stack.layout.ledger)}
    return found.get(user, AccountStatus("", "", 0, 0, 0))


def wait_for_settlement(stack: Stack, user: str) -> AccountStatus:
    deadline = time.monotonic() + 15
    while (status := account(stack, user)).held_nano or not status.posted_nano:
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def asked_upstream(stack: Stack) -> dict[str, Any]:
    (seen,) = stack.upstream_log()
    stack.forget_upstream_log()
    return dict(json.loads(seen["body"]))


def decision_of(stack: Stack, exchange_id: str) -> dict[str, Any]:
    def decided(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            each
            for each in records
            if each.get("gateway.exchange.id") == exchange_id and each["event"].startswith("request:decision:")
        ]

    return decided(stack.wait_for_records(lambda records: bool(decided(records))))[0]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}, "max_tokens"),
        ("/chat/completions", {"messages": [{"role": "user", "content": "hi"}], "stream": True}, "max_tokens"),
        ("/completions", {"prompt": "hi"}, "max_tokens"),
        ("/responses", {"input": "hi"}, "max_output_tokens"),
    ],
)
def test_every_request_says_how_long_its_answer_may_be(
    stack: Stack, path: str, body: dict[str, Any], field: str
) -> None:
    stack.use_policy()
    stack.forget_upstream_log()
    with stack.client() as client:
        answer = client.post(path, json={"model": "assistant", **body})
    assert answer.status_code == 200
    assert HEADER not in answer.headers
    assert asked_upstream(stack)[field] == 4_096


@pytest.mark.parametrize("is_stream", [False, True])
def test_openais_sdk_gets_an_answer_as_long_as_the_money(stack: Stack, is_stream: bool) -> None:
    stack.use_policy(with_budget(1_000 + len(WORDS) // 4))
    stack.forget_upstream_log()
    user = f"short-of-money-{is_stream}"
    with openai.OpenAI(base_url=stack.base_url, api_key=stack.token(subject=user), max_retries=0) as client:
        options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if is_stream else {}
        raw = client.chat.completions.with_raw_response.create(
            model="assistant", messages=[{"role": "user", "content": WORDS}], **options
        )
        said = list(raw.parse()) if is_stream else [raw.parse()]  # type: ignore[call-overload,unused-ignore]
    cap = int(raw.headers[HEADER])
    assert 256 <= cap < 2_000
    assert asked_upstream(stack)["max_tokens"] == cap
    assert [each.choices[0].finish_reason for each in said if each.choices][-1] == "length"
    assert said[-1].usage is not None
    assert said[-1].usage.completion_tokens == cap
    decision = decision_of(stack, raw.headers["x-request-id"])
    assert decision["gateway.decision.output_tokens_cap"] == cap
    assert "cap:per-user" in decision["gateway.decision.rules"]
    status = wait_for_settlement(stack, user)
    assert status.posted_nano <= decision["gateway.budget.held_nano"] <= status.limit_nano


def test_at_the_last_cent_nobody_spends_more_than_there_is(stack: Stack) -> None:
    stack.use_policy(with_budget(12_000))
    token = stack.token(subject="many-at-once")

    def ask(_: int) -> httpx.Response:
        with stack.client(token) as client:
            return client.post("/chat/completions", json=chat(WORDS[:1_000]))

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(12)))
    assert {answer.status_code for answer in answers} <= {200, 429}
    assert any(HEADER in answer.headers for answer in answers)
    status = wait_for_settlement(stack, "many-at-once")
    assert status.posted_nano <= status.limit_nano


def test_a_request_is_counted_before_it_is_limited_or_refused(stack: Stack) -> None:
    stack.use_policy(
        with_budget(4_096 + len(WORDS) // 8), ("models.yaml", MODEL, f"{MODEL}    tokenizer: o200k_base\n")
    )
    stack.forget_upstream_log()
    with stack.client(stack.token(subject="counted")) as client:
        answer = client.post("/chat/completions", json=chat(WORDS))
    assert answer.status_code == 200
    assert HEADER not in answer.headers
    assert asked_upstream(stack)["max_tokens"] == 4_096


def test_a_request_that_no_context_holds_never_leaves(stack: Stack) -> None:
    small = "    context_tokens: 1000\n    tokenizer: o200k_base\n"
    stack.use_policy(
        ("models.yaml", MODEL, small), ("models.yaml", "output_tokens_max: 4096", "output_tokens_max: 500")
    )
    stack.forget_upstream_log()
    with (
        openai.OpenAI(base_url=stack.base_url, api_key=stack.token(), max_retries=0) as client,
        pytest.raises(openai.BadRequestError) as caught,
    ):
        client.chat.completions.create(model="assistant", messages=[{"role": "user", "content": WORDS}])
    assert caught.value.code == "context_length_exceeded"
    assert "maximum context length is 1000 tokens" in caught.value.message
    assert stack.upstream_log() == []


def test_a_run_of_an_agent_ends_at_its_own_budget(stack: Stack) -> None:
    amount = f"{5_000 * OUTPUT_NANO / NANO:.9f}"
    rule = f"{{name: per-run, scope: agent_run, amount: {amount}, window: total, required: true}}"
    stack.use_policy(
        ("budgets.yaml", "budgets:\n", f"budgets:\n  - {rule}\n"),
        ("budgets.yaml", "cap_output: true", "cap_output: false"),
    )
    stack.forget_upstream_log()

    def ask(*runs: str) -> httpx.Response:
        with stack.client(stack.token(subject="agent")) as client:
            headers = [("x-agent-run", run) for run in runs]
            return client.post("/chat/completions", json=chat(WORDS[:500], max_tokens=3_000), headers=headers)

    first = ask("run-1")
    assert first.status_code == 200
    assert wait_for_settlement(stack, "agent/run-1").posted_nano == wait_for_settlement(stack, "agent").posted_nano
    while (answer := ask("run-1")).status_code == 200:
        wait_for_settlement(stack, "agent/run-1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "budget_exhausted")
    assert ask("run-2").status_code == 200
    assert ask().json()["error"]["code"] == "agent_run_missing"
    for runs in (("run-1", "run-2"), ("a run",), ("",)):
        assert (ask(*runs).status_code, ask(*runs).json()["error"]["code"]) == (400, "agent_run_invalid")
    assert decision_of(stack, first.headers["x-request-id"])["gateway.decision.agent_run"] == "run-1"
    assert all("x-agent-run" not in seen["header_names"] for seen in stack.upstream_log())


@pytest.mark.parametrize("on_over_hold", ["post", "cut"])
@pytest.mark.parametrize("path", ["/chat/completions", "/responses", "/messages"])
def test_a_stream_that_passes_over_its_limit_is_charged_or_cut(stack: Stack, on_over_hold: str, path: str) -> None:
    stack.use_policy(("budgets.yaml", "currency: EUR", f"currency: EUR\non_over_hold: {on_over_hold}"))
    stack.simulate("us", fault="ignores_limit", count=1)
    body: dict[str, Any] = {"model": "assistant", "stream": True, "max_tokens": 50, **chat(WORDS)}
    if path == "/responses":
        body = {"model": "assistant", "stream": True, "max_output_tokens": 50, "input": WORDS}
    user = f"talkative-{on_over_hold}-{path[1:].replace('/', '.')}"
    with stack.client(stack.token(subject=user)) as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 200
    said, spent = answer.text.count("word"), wait_for_settlement(stack, user).posted_nano
    if on_over_hold == "post":
        assert said >= 2_000
        assert spent > 2_000 * OUTPUT_NANO
    else:
        assert said <= 50 + 4  # in whole chunks
        assert "stream_cut" in answer.text
        assert spent <= len(json.dumps(body)) * 2_500 + 50 * OUTPUT_NANO
