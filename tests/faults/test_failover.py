"""A provider that is dead, hangs or is full: who asked is served by the next one in line, and pays that one, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.envoy.stack import PLAIN, Stack, chat, free_ports, running_stack

pytestmark = pytest.mark.envoy

AT_ONCE = 200
FIRST_TOKEN_SECONDS = 1
DEAR, CHEAP = "price: {input: 100, output: 200}", "price: {input: 1, output: 2}"  # per million tokens
NANO_PER_INPUT_TOKEN, NANO_PER_OUTPUT_TOKEN = 1_000, 2_000


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("failover")) as running:
        yield running


@pytest.fixture(scope="module")
def patient(gateway: Stack) -> tuple[tuple[str, str, str], ...]:
    """What the policy of all these tests changes."""
    (nobody,) = free_ports(1)
    full = f"http://127.0.0.1:{gateway.ports.simulator}/us/v1"
    legal = "jurisdiction: US, tier: frontier"
    providers = (
        f'  dead: {{url: "http://127.0.0.1:{nobody}/v1", {legal}, credential: null}}\n'
        f'  full: {{url: "{full}", {legal}, credential: simulator-us, requests_max: 1}}\n'
    )
    models = "".join(
        f"  behind-{name.removeprefix('simulator-')}: "
        f"{{deployments: [{{provider: {name}, {DEAR}}}, {{provider: simulator-eu, {CHEAP}}}]}}\n"
        for name in ("dead", "full", "simulator-us")
    )
    return (
        ("providers.yaml", "\nproviders:\n", f"\nproviders:\n{providers}"),
        ("models.yaml", "\nmodels:\n", f"\nmodels:\n{models}"),
    )


@pytest.fixture
def stack(gateway: Stack, patient: tuple[tuple[str, str, str], ...]) -> Stack:
    for deployment in ("us", "eu"):
        gateway.simulate(deployment, tokens_per_second=0)
    gateway.use_policy(*patient)
    gateway.forget_upstream_log()
    return gateway


@pytest.fixture
def hasty(stack: Stack, patient: tuple[tuple[str, str, str], ...]) -> Stack:
    """With a limit for the first token, too short for a machine that has much else to do."""
    first_token = f"\nfirst_token_seconds: {FIRST_TOKEN_SECONDS}\nusage_chunk:"
    stack.use_policy(*patient, ("routing.yaml", "\nusage_chunk:", first_token))
    return stack


def outcomes(stack: Stack, cluster: str, count: int) -> list[dict[str, Any]]:
    """Delivered outcomes of requests that `cluster` answered, at least so many."""

    def of(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each for each in records if each.get("gateway.route.cluster") == cluster]

    return of(stack.wait_for_records(lambda records: len(of(records)) >= count, seconds=30))


def test_a_dead_provider_costs_nobody_a_request_and_nobody_pays_twice(stack: Stack) -> None:
    def ask(_: int) -> int:
        with stack.client() as client:
            return client.post("/chat/completions", json=chat("one two", "behind-dead", max_tokens=50)).status_code

    before = spent(stack)
    with ThreadPoolExecutor(AT_ONCE) as callers:
        assert set(callers.map(ask, range(AT_ONCE))) == {200}
    settled = outcomes(stack, "simulator-eu/behind-dead", AT_ONCE)
    assert len(settled) == len({each["gateway.exchange.id"] for each in settled}) == AT_ONCE
    assert {each["gateway.route.attempts"] for each in settled} == {2}
    for each in settled:
        assert each["gateway.budget.cost_nano"] == (
            each["gen_ai.usage.input_tokens"] * NANO_PER_INPUT_TOKEN
            + each["gen_ai.usage.output_tokens"] * NANO_PER_OUTPUT_TOKEN
        )
    assert spent(stack) - before == sum(each["gateway.budget.cost_nano"] for each in settled)
    assert retries_refused(stack) == 0


def spent(stack: Stack) -> int:
    """What was posted for the caller, in nano-units; nothing of theirs may still be held."""
    accounts = [each for each in stack.budget() if each["rule"] == "per-user"]
    assert not any(each["held_nano"] for each in accounts)
    return sum(int(each["posted_nano"]) for each in accounts)


def retries_refused(stack: Stack) -> int:
    """By retry budgets, of all clusters."""
    stats = httpx.get(f"http://127.0.0.1:{stack.ports.admin}/stats?filter=upstream_rq_retry_overflow", **PLAIN).text
    return sum(int(line.rpartition(" ")[2]) for line in stats.splitlines())


def test_who_does_not_begin_to_answer_in_time_is_passed_over(hasty: Stack) -> None:
    hasty.simulate("us", fault="hang", count=2)
    with hasty.client() as client:
        for is_stream in (False, True):
            began = time.monotonic()
            answer = client.post("/chat/completions", json=chat("one two", "behind-us", stream=is_stream))
            assert answer.status_code == 200
            assert FIRST_TOKEN_SECONDS <= time.monotonic() - began < 4 * FIRST_TOKEN_SECONDS
    assert [each["deployment"] for each in hasty.upstream_log()] == ["us", "eu"] * 2


def test_who_has_begun_to_answer_may_take_his_time(hasty: Stack) -> None:
    hasty.simulate("us", tokens_per_second=0.6)  # a pause above the limit between any two
    with hasty.client() as client:
        answer = client.post("/chat/completions", json=chat("one two three", "behind-us", stream=True))
    assert answer.text.rstrip().endswith("data: [DONE]")
    assert [each["deployment"] for each in hasty.upstream_log()] == ["us"]


def test_a_full_provider_is_sent_no_more_and_that_is_no_reason_for_another(stack: Stack) -> None:
    stack.simulate("us", tokens_per_second=4)
    body = chat("one two three four five six", "behind-full", stream=True)

    def ask(_: int) -> tuple[int, str]:
        with stack.client() as client:
            answer = client.post("/chat/completions", json=body)
            return answer.status_code, "" if answer.status_code == 200 else answer.json()["error"]["code"]

    with ThreadPoolExecutor(4) as callers:
        ended = sorted(callers.map(ask, range(4)))
    assert set(ended) == {(200, ""), (503, "provider_unavailable")}
    assert {each["deployment"] for each in stack.upstream_log()} == {"us"}
