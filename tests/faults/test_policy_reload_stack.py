"""Policy changed, broken and repaired under traffic: nobody notices, and every request is judged by one policy."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.envoy.stack import DEPLOYMENTS, Stack, chat, running_stack
from tests.faults.traffic import Traffic

pytestmark = pytest.mark.envoy
IBAN = "DE89 3704 0044 0532 0130 00"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("reload")) as stack:
        yield stack


@pytest.fixture
def stack(running: Stack) -> Stack:
    """With a provider that works, and the shipped policy."""
    for deployment in DEPLOYMENTS:
        running.simulate(deployment, tokens_per_second=0)
    running.use_policy()
    running.forget_upstream_log()
    return running


def decisions(stack: Stack, digest: str, count: int = 1) -> list[dict[str, Any]]:
    """Delivered decisions by the policy of this digest, at least `count`."""

    def of(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [record for record in records if record.get("gateway.policy.digest") == digest]

    return of(stack.wait_for_records(lambda records: len(of(records)) >= count))


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def test_a_broken_file_changes_nothing_and_is_reported_with_its_line(stack: Stack) -> None:
    in_force = stack.wait_for_policy()
    guard = stack.policies / "guard.yaml"
    sound = guard.read_text()
    line = 1 + sound[: sound.index("on_timeout:")].count("\n")
    logs = [stack.state / "log" / f"{name}.log" for name in ("control", "processor-0", "processor-1")]
    with Traffic(stack) as traffic:
        guard.write_text(sound.replace("on_timeout: deny", "on_timeout: perhaps"))
        until(lambda: all(f"guard.yaml:{line}:" in log.read_text() for log in logs))
        traffic.flows()
        guard.write_text(sound.replace("deadline_ms: 1000", "deadline_ms: 900"))
        repaired = stack.wait_for_policy()
        traffic.flows()
    assert set(traffic.ended) == {(200, "")}
    assert repaired != in_force
    assert decisions(stack, repaired)
    assert {r["gateway.policy.digest"] for r in stack.audit_records() if "gateway.policy.digest" in r} == {
        in_force,
        repaired,
    }


def test_every_exchange_is_judged_by_one_policy(stack: Stack) -> None:
    """The two policies differ in two files; each decision shows what both files of one policy say, never a mixture."""
    first = stack.wait_for_policy()
    with Traffic(stack, f"My IBAN is {IBAN}") as traffic:
        traffic.flows()
        second = stack.use_policy(
            ("models.yaml", "price: {input: 2.5, output: 10,", "price: {input: 5, output: 20,"),
            ("guard.yaml", "\ndetectors:\n", "\ndetectors:\n  iban: {action: redact}\n"),
        )
        traffic.flows()
        assert stack.use_policy() == first
        traffic.flows()
    assert set(traffic.ended) == {(200, "")}
    signs: dict[str, set[tuple[int, int]]] = {first: set(), second: set()}
    for record in decisions(stack, second) + decisions(stack, first):
        if record["gateway.guard.finding_count"]:
            redactions, held_nano = record["gateway.guard.redactions"], record["gateway.budget.held_nano"]
            signs[record["gateway.policy.digest"]].add((redactions, held_nano))
    ((plain, held_nano),) = signs[first]
    assert (plain, signs[second]) == (0, {(1, 2 * held_nano)})


def provider_fr(stack: Stack) -> tuple[str, str, str]:
    """One line of providers.yaml."""
    url = f"http://127.0.0.1:{stack.ports.simulator}/fr/v1"
    legal = "{inference_region: FR, open_weights: true, cloud_act: false}"
    line = f'  simulator-fr: {{url: "{url}", jurisdiction: FR, tier: open-eu, legal: {legal}}}\n'
    return "providers.yaml", "\nproviders:\n", f"\nproviders:\n{line}"


def model(line: str) -> tuple[str, str, str]:
    """One line of models.yaml."""
    return "models.yaml", "\nmodels:\n", f"\nmodels:\n{line}\n"


def test_a_provider_is_two_lines_and_a_key_and_nothing_restarts(stack: Stack) -> None:
    key = stack.layout.secrets / "simulator-fr"
    processes = {name: stack.pid(name) for name in ("envoy", "control", "processor-0", "processor-1")}
    body = chat("Bonjour", "french")
    with Traffic(stack) as traffic, stack.client() as client:
        french = "  french: {deployments: [{provider: simulator-fr, price: {input: 1, output: 1}}]}"
        stack.use_policy(provider_fr(stack), model(french))
        answer = client.post("/chat/completions", json=body)
        assert answer.json()["error"]["code"] == "provider_credential_missing"
        shutil.copy(stack.key_of["us"], key)  # a wrong one, written where it lies
        until(lambda: client.post("/chat/completions", json=body).status_code == 401)
        shutil.copy(stack.key_of["fr"], key)
        until(lambda: client.post("/chat/completions", json=body).status_code == 200)
        assert client.post("/chat/completions", json=body).json()["system_fingerprint"] == "fr"
        traffic.flows()
    assert set(traffic.ended) == {(200, "")}
    assert {name: stack.pid(name) for name in processes} == processes


def test_a_provider_that_refuses_fields_is_sent_none_of_them_and_its_fallback_is(stack: Stack) -> None:
    shutil.copy(stack.key_of["mistral"], stack.layout.secrets / "simulator-mistral")
    url = f"http://127.0.0.1:{stack.ports.simulator}/mistral/v1"
    picky = f'url: "{url}", jurisdiction: FR, tier: frontier, field_names: {{stream_options: null, seed: random_seed}}'
    price = "price: {input: 1, output: 1}"
    both = f"  both: {{deployments: [{{provider: simulator-mistral, {price}}}, {{provider: simulator-us, {price}}}]}}"
    provider = ("providers.yaml", "\nproviders:\n", f"\nproviders:\n  simulator-mistral: {{{picky}}}\n")
    stack.use_policy(provider, model(both))
    body = chat("one two", "both", stream=True, seed=7)
    with stack.client() as client:
        until(lambda: client.post("/chat/completions", json=body).status_code == 200)
        stack.forget_upstream_log()
        answer = client.post("/chat/completions", json=body)
        stack.simulate("mistral", fault="500")
        assert client.post("/chat/completions", json=body).status_code == 200
    first, failed, second = stack.upstream_log()
    assert answer.text.rstrip().endswith("data: [DONE]")
    for refusing in (first, failed):
        assert refusing["deployment"] == "mistral"
        assert json.loads(refusing["body"])["random_seed"] == 7
        assert json.loads(refusing["body"]).keys().isdisjoint({"stream_options", "seed"})
    sent = json.loads(second["body"])
    assert (second["deployment"], sent["seed"], sent["stream_options"]) == ("us", 7, {"include_usage": True})

    def metered(records: list[dict[str, Any]]) -> list[int]:
        """What the answers of the picky one used: it reports usage unasked."""
        outcomes = [each for each in records if each.get("gen_ai.provider.name") == "simulator-mistral"]
        return [each["gen_ai.usage.output_tokens"] for each in outcomes if "gen_ai.usage.output_tokens" in each]

    assert set(metered(stack.wait_for_records(lambda records: len(metered(records)) >= 2))) == {4}


def test_a_model_is_removed_and_what_is_under_way_ends_well(stack: Stack) -> None:
    stack.use_policy(model("  brief: {deployments: [{provider: simulator-us, price: {input: 1, output: 1}}]}"))
    stack.simulate("us", tokens_per_second=3)
    with stack.client() as client, stack.client() as another, ThreadPoolExecutor(1) as background:
        body = chat("one two three four five six", "brief", stream=True)
        answer = background.submit(client.post, "/chat/completions", json=body)
        until(lambda: bool(stack.upstream_log()))
        stack.use_policy()
        refused = another.post("/chat/completions", json=chat("Hello", "brief"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")
        assert not answer.done()
        assert answer.result().text.rstrip().endswith("data: [DONE]")


def test_a_model_moves_to_another_provider_without_a_failed_request(stack: Stack) -> None:
    shutil.copy(stack.key_of["fr"], stack.layout.secrets / "simulator-fr")
    with Traffic(stack) as traffic:
        traffic.flows()
        us = "      - {provider: simulator-us, price: {input: 2.5, output: 10, cached_input: 1.25}}\n"
        fr = "      - {provider: simulator-fr, price: {input: 1, output: 1}}\n"
        stack.use_policy(provider_fr(stack), ("models.yaml", us, fr))
        traffic.flows()
        assert stack.upstream_log()[-1]["deployment"] == "fr"
    assert set(traffic.ended) == {(200, "")}


def test_a_fallback_gets_its_own_model_name_length_and_key_and_keeps_the_redactions(stack: Stack) -> None:
    twin = (
        "  twin:\n    deployments:\n"
        "      - {provider: simulator-us, model: a, price: {input: 1, output: 1}}\n"
        "      - {provider: simulator-eu, model: a-much-longer-name, price: {input: 1, output: 1}}"
    )
    redacting = ("guard.yaml", "\ndetectors:\n", "\ndetectors:\n  iban: {action: redact, sovereign: false}\n")
    anywhere = ("routing.yaml", "counts_redacted: true", "counts_redacted: false")
    stack.use_policy(model(twin), redacting, anywhere)
    stack.simulate("us", fault="500")
    with stack.client() as client:
        answer = client.post("/chat/completions", json=chat(f"Pay to {IBAN}", "twin"))
    first, second = stack.upstream_log()
    assert (first["deployment"], first["status"], json.loads(first["body"])["model"]) == ("us", 500, "a")
    # Answered means: it was sent its own key, and nothing else in that field.
    assert (second["deployment"], second["status"], answer.status_code) == ("eu", 200, 200)
    sent = json.loads(second["body"])
    assert sent["model"] == "a-much-longer-name"
    assert int(second["headers"]["content-length"]) == second["body_bytes"] == len(second["body"].encode())
    assert sent["messages"] == json.loads(first["body"])["messages"]
    assert sent["messages"][0]["content"] == "Pay to [IBAN]"
