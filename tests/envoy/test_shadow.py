"""Copies of requests for the shadow of a model: over the real Envoy, with real money, and as a simulated provider sees them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.status import AccountStatus, read_accounts
from gateway_ext.policy.loader import load_policy
from gateway_ext.steps.shadow_leave import Leave, sealed, shadow_key
from tests.envoy.stack import COMMAND, Stack, chat

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(300)]
SETTLED = "request:outcome:settled"
SLOW_SECONDS = 2.0  # at least, of an answer of 4 tokens a second
SHADOWS = (
    "models.yaml",
    "  embedder:",
    """  candidate:
    deployments:
      - {provider: simulator-us, model: candidate, price: {input: 5, output: 5}}
      - {provider: simulator-eu, model: candidate, price: {input: 1, output: 3}}
  european: {deployments: [{provider: simulator-eu, model: european, price: {input: 1, output: 3}}]}
  american: {deployments: [{provider: simulator-us, model: american, price: {input: 1, output: 3}}]}
  writer:
    shadow: {model: european, share_percent: 100}
    deployments:
      - {provider: simulator-us, model: writer, price: {input: 2.5, output: 10}}
      - {provider: simulator-eu, model: writer, price: {input: 2.5, output: 10}}
  sovereign:
    shadow: {model: american, share_percent: 100}
    deployments: [{provider: simulator-eu, model: sovereign, price: {input: 1, output: 3}}]

  embedder:""",
)
EVERY_REQUEST = (
    "models.yaml",
    "    output_tokens_max: 4096  #",
    "    shadow: {model: candidate, share_percent: 100, payer: platform}\n    output_tokens_max: 4096  #",
)
REDACTED = (
    "guard.yaml",
    "  ip_public: {sovereign: false}",
    "  ip_public: {sovereign: false}\n  iban: {action: redact}",
)
IBAN = "DE89 3704 0044 0532 0130 00"
Records = list[dict[str, Any]]


@pytest.fixture(scope="module")
def shadowed(stack: Stack) -> Iterator[Stack]:
    stack.use_policy(SHADOWS, EVERY_REQUEST, REDACTED)
    deadline = time.monotonic() + 5
    while len(stack.upstream_log()) < 2:  # Envoy follows a moment later than the processes
        assert time.monotonic() < deadline, "no request was copied"
        stack.forget_upstream_log()
        ask(stack, "What is a monad?")
        time.sleep(0.2)
    yield stack
    stack.use_policy()


def seen(stack: Stack, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """What reached the provider, as soon as there is enough of it."""
    deadline = time.monotonic() + 5
    while not enough(found := stack.upstream_log()):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def copy_of(records: Records, exchange: str) -> dict[str, Any] | None:
    return next((each for each in records if each.get("gateway.decision.shadow_of") == exchange), None)


def outcome_of(records: Records, exchange: str) -> dict[str, Any] | None:
    return next(
        (each for each in records if each["event"] == SETTLED and each["gateway.exchange.id"] == exchange), None
    )


def both_outcomes(stack: Stack, exchange: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Of the request, the copy's decision, and the copy's outcome."""

    def found(records: Records) -> tuple[dict[str, Any] | None, ...]:
        copy = copy_of(records, exchange)
        return outcome_of(records, exchange), copy, outcome_of(records, copy["gateway.exchange.id"]) if copy else None

    records = stack.wait_for_records(lambda records: all(found(records)))
    request, copy, outcome = found(records)
    assert request is not None
    assert copy is not None
    assert outcome is not None
    return request, copy, outcome


def ask(stack: Stack, text: str, **more: Any) -> httpx.Response:
    with stack.client() as client:
        answer = client.post("/chat/completions", json=chat(text, **more))
    assert answer.status_code == 200, answer.text
    return answer


def places(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Deployment and model of each request that reached the provider, in the order of names."""
    return sorted((each["deployment"], json.loads(each["body"])["model"]) for each in found)


def accounts(stack: Stack) -> dict[str, AccountStatus]:
    """By whose they are."""
    return {AccountKey.parse(each.key).value: each for each in read_accounts(stack.layout.ledger)}


@pytest.mark.parametrize("stream", [False, True])
def test_the_shadow_answers_too_and_the_caller_sees_nothing_of_it(shadowed: Stack, stream: bool) -> None:
    before = {name: each.posted_nano for name, each in accounts(shadowed).items()}
    answer = ask(shadowed, "What is a monad?", stream=stream)
    found = seen(shadowed, lambda found: len(found) == 2)
    assert places(found) == [("us", "assistant"), ("us", "candidate")]
    assert "candidate" not in answer.text
    assert not [name for name in answer.headers if name.startswith("x-gateway")]
    for request in found:
        assert not [name for name in request["header_names"] if name.startswith(("x-gateway", "x-envoy"))]
    bodies = [json.loads(each["body"]) | {"model": ""} for each in found]
    assert bodies[0] == bodies[1]

    request, copy, outcome = both_outcomes(shadowed, answer.headers["x-request-id"])
    assert (request["gateway.route.cluster"], outcome["gateway.route.cluster"]) == (
        "simulator-us/assistant",
        "simulator-us/candidate",
    )
    tokens = [outcome[f"gen_ai.usage.{kind}_tokens"] for kind in ("input", "output")]
    assert all(tokens)
    assert outcome["gateway.budget.cost_nano"] == sum(tokens) * 5_000
    assert outcome["gateway.outcome.flags"] == ["shadow"]
    assert "gateway.outcome.flags" not in request
    assert (copy["event"], copy["gateway.principal.team"]) == ("shadow:decision:forwarded", "platform")
    assert copy["gateway.principal.subject"] == "shadow/assistant"
    after = accounts(shadowed)
    spent = {name: after[name].posted_nano - before.get(name, 0) for name in ("shadow/assistant", "platform")}
    assert set(spent.values()) == {outcome["gateway.budget.cost_nano"]}
    assert not any(after[name].held_nano for name in spent)


def test_a_copy_is_redacted_and_goes_only_where_its_content_may_go(shadowed: Stack) -> None:
    answer = ask(shadowed, f"Is the account {IBAN} valid?")
    found = seen(shadowed, lambda found: len(found) == 2)
    assert places(found) == [("eu", "assistant"), ("eu", "candidate")]
    assert "DE89" not in str(found)
    both_outcomes(shadowed, answer.headers["x-request-id"])


def test_never_to_a_less_sovereign_place(shadowed: Stack) -> None:
    answer = ask(shadowed, "What is a monad?", model="sovereign")
    exchange = answer.headers["x-request-id"]
    records = shadowed.wait_for_records(lambda records: outcome_of(records, exchange) is not None)
    assert copy_of(records, exchange) is None
    assert places(shadowed.upstream_log()) == [("eu", "sovereign")]


def test_a_slow_shadow_delays_nobody(shadowed: Stack) -> None:
    shadowed.simulate("eu", tokens_per_second=4)
    began = time.monotonic()
    answers = [ask(shadowed, "What is a monad, in a few words?", model="writer", stream=True) for _ in range(3)]
    assert time.monotonic() - began < SLOW_SECONDS
    shadowed.simulate("eu", tokens_per_second=0)
    for answer in answers:
        _, _, outcome = both_outcomes(shadowed, answer.headers["x-request-id"])
        assert outcome["gateway.outcome.duration_ns"] >= SLOW_SECONDS * 1e9
        assert outcome["gateway.outcome.saw_end_of_stream"]


def test_a_fallback_of_the_request_makes_no_second_copy(shadowed: Stack) -> None:
    shadowed.simulate("us", fault="500", count=1)
    answer = ask(shadowed, "What is a monad?", model="writer")
    assert "european" not in answer.text
    both_outcomes(shadowed, answer.headers["x-request-id"])
    assert places(shadowed.upstream_log()) == [("eu", "european"), ("eu", "writer"), ("us", "writer")]


def test_an_order_stops_copies_and_nothing_else(shadowed: Stack) -> None:
    command(shadowed, "stop", "model", "european", "--policies", str(shadowed.policies))
    try:
        answer = ask(shadowed, "What is a monad?", model="writer")
        exchange = answer.headers["x-request-id"]
        records = shadowed.wait_for_records(lambda records: outcome_of(records, exchange) is not None)
        assert copy_of(records, exchange) is None
        assert places(shadowed.upstream_log()) == [("us", "writer")]
    finally:
        command(shadowed, "resume", "model", "european")


def command(stack: Stack, *arguments: str) -> None:
    whole = [*COMMAND, *arguments, "--reason", "test", "--state", str(stack.state)]
    done = subprocess.run(whole, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    time.sleep(1.0)  # until every processor follows


# --- forged -----------------------------------------------------------------------------------------------------------


def leave(stack: Stack, body: bytes) -> Leave:
    """As a processor of `stack` would give it for `body`."""
    digest = load_policy(stack.policies).digest
    chat_path, now = "/v1/chat/completions", int(time.time())
    return Leave(
        f"{now:032x}", "0" * 32, digest, "simulator-eu/european", "european", "writer", chat_path, chat_path, False, False,
        100, 100, hashlib.sha256(body).hexdigest(), now + 10, team="demo",
    )  # fmt: skip


def test_what_a_client_says_is_no_leave(shadowed: Stack) -> None:
    body = json.dumps(chat("Hello", model="european")).encode()
    key = shadow_key((shadowed.state / "fingerprint.key").read_bytes())
    forged = {"x-gateway-shadow": sealed(leave(shadowed, body), key), "content-type": "application/json"}
    with shadowed.client() as client:
        assert client.post("/chat/completions", content=body, headers=forged).status_code == 200
    assert places(seen(shadowed, bool)) == [("eu", "european")]  # its own request, and no copy of it
    assert "x-gateway-shadow" not in str(shadowed.upstream_log())


@pytest.mark.parametrize("what", ["none", "another key", "another body", "over", "another policy"])
def test_only_what_a_processor_has_just_sealed_is_forwarded(shadowed: Stack, what: str) -> None:
    body = json.dumps(chat("Hello", model="european")).encode()
    key = shadow_key((shadowed.state / "fingerprint.key").read_bytes())
    given = leave(shadowed, body)
    match what:
        case "another key":
            key = bytes(32)
        case "another body":
            body = body.replace(b"Hello", b"Other")
        case "over":
            given = dataclasses.replace(given, expires_unix_seconds=given.expires_unix_seconds - 11)
        case "another policy":
            given = dataclasses.replace(given, policy_digest="0" * 64)
    headers = {"content-type": "application/json"} | (
        {} if what == "none" else {"x-gateway-shadow": sealed(given, key)}
    )
    socket = httpx.HTTPTransport(uds=str(shadowed.state / "run" / "shadow.sock"))
    with httpx.Client(transport=socket, base_url="http://shadow") as client:
        refused = client.post("/v1/chat/completions", content=body, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "shadow_unproven")
    assert not shadowed.upstream_log()


def test_the_listener_is_for_envoy_alone(shadowed: Stack) -> None:
    socket = shadowed.state / "run" / "shadow.sock"
    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
