"""Quotas through the real Envoy: exact over all processors, told in headers, and SDKs wait as they are told."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.envoy.stack import Stack

pytestmark = pytest.mark.envoy
HELLO: Any = [{"role": "user", "content": "Say hello."}]
BUDGETS = "\n# How fast it may be spent"


@pytest.fixture
def limited(stack: Stack) -> Iterator[Stack]:
    quotas = """
quotas:
  - {name: requests, scope: credential, match: "fast-*", unit: requests, limit: 20, per: minute}
  - {name: tokens, scope: credential, match: "fast-*", unit: tokens, limit: 60000, per: minute}
  - {name: large, scope: credential, match: "large-*", models: [assistant], unit: requests, limit: 1, per: day}
  - {name: patient, scope: team, match: patient, unit: requests, limit: 120, per: minute}
  - {name: streams, scope: credential, match: "streams-*", unit: concurrent, limit: 1}
priorities:
  standard: {wait_ms_max: 2000}
"""
    degrades = ("models.yaml", "\n  assistant:\n", "\n  assistant:\n    degrade_to: assistant-eu\n")
    stack.use_policy(("budgets.yaml", BUDGETS, quotas + BUDGETS), degrades)
    yield stack
    stack.use_policy()


def ask(stack: Stack, token: str, **changes: Any) -> Any:
    body = {"model": "assistant", "messages": HELLO, "max_tokens": 50, **changes}
    with stack.client(token) as client:
        return client.post("/chat/completions", json=body)


def test_answers_tell_what_is_left_and_the_last_is_refused(limited: Stack) -> None:
    token = limited.token(jti="fast-1")
    answers = [ask(limited, token) for _ in range(22)]
    left = [int(each.headers["x-ratelimit-remaining-requests"]) for each in answers]
    assert left[:20] == sorted(left[:20], reverse=True)
    assert (left[0], answers[0].headers["x-ratelimit-limit-requests"]) == (19, "20")
    assert int(answers[0].headers["x-ratelimit-remaining-tokens"]) < 60_000
    assert answers[0].headers["x-ratelimit-reset-requests"].endswith("s")
    refused = [each for each in answers if each.status_code == 429]
    assert 1 <= len(refused) <= 2, "one may have been refilled meanwhile"
    assert refused[-1].json()["error"]["code"] == "rate_limited"
    assert 1 <= int(refused[-1].headers["retry-after"]) <= 3
    assert refused[-1].headers["x-ratelimit-remaining-requests"] == "0"
    assert refused[-1].headers["x-should-retry"] == "true"


def test_who_has_no_quota_is_told_of_none(limited: Stack) -> None:
    answer = ask(limited, limited.token(jti="slow-1"))
    assert answer.status_code == 200
    assert not [name for name in answer.headers if "ratelimit" in name]


def test_the_sdk_waits_as_it_is_told(limited: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    token = limited.token(jti="fast-2")
    while ask(limited, token).status_code == 200:
        pass
    trust: ssl.SSLContext = limited.trust()
    with openai.OpenAI(base_url=limited.tls_base_url, api_key=token, http_client=_client(trust)) as sdk:
        began = time.monotonic()
        answer = sdk.chat.completions.create(model="assistant", messages=HELLO, max_tokens=50)
        assert answer.choices[0].message.content
        assert time.monotonic() - began >= 0.9
        with pytest.raises(openai.RateLimitError) as refusal:
            sdk.with_options(max_retries=0).chat.completions.create(model="assistant", messages=HELLO, max_tokens=50)
    assert refusal.value.code == "rate_limited"


def test_anthropics_clients_are_told_in_their_own_words(limited: Stack) -> None:
    token = limited.token(jti="fast-3")
    url = limited.base_url.removesuffix("/v1")
    with anthropic.Anthropic(
        base_url=url, api_key=token, http_client=anthropic.DefaultHttpxClient(trust_env=False)
    ) as sdk:
        raw = sdk.messages.with_raw_response.create(model="assistant", messages=HELLO, max_tokens=50)
        assert raw.headers["anthropic-ratelimit-requests-limit"] == "20"
        assert raw.headers["anthropic-ratelimit-requests-remaining"] == "19"
        assert raw.headers["anthropic-ratelimit-tokens-reset"].endswith("Z")
        assert "x-ratelimit-limit-requests" not in raw.headers
        while ask(limited, token).status_code == 200:
            pass
        with pytest.raises(anthropic.RateLimitError) as refusal:
            sdk.with_options(max_retries=0).messages.create(model="assistant", messages=HELLO, max_tokens=50)
        assert refusal.value.response.headers["anthropic-ratelimit-requests-remaining"] == "0"


def test_many_at_once_get_exactly_what_there_is(limited: Stack) -> None:
    token = limited.token(jti="fast-4")
    statuses: list[int] = []

    def run() -> None:
        for _ in range(8):
            statuses.append(ask(limited, token).status_code)  # noqa: PERF401

    began = time.monotonic()
    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refilled = int((time.monotonic() - began) / 3) + 1
    assert set(statuses) == {200, 429}
    assert 20 <= statuses.count(200) <= 20 + refilled


def test_a_stream_keeps_its_place_until_it_ends(limited: Stack) -> None:
    token = limited.token(jti="streams-1")
    limited.simulate("us", tokens_per_second=4)
    with limited.client(token) as client:
        body = {"model": "assistant", "messages": [{"role": "user", "content": "one two three four"}], "stream": True}
        with client.stream("POST", "/chat/completions", json=body) as stream:
            assert stream.status_code == 200
            chunks = stream.iter_raw()
            next(chunks)
            refused = ask(limited, token)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
            for _ in chunks:
                pass
    deadline = time.monotonic() + 5
    while ask(limited, token).status_code == 429:
        assert time.monotonic() < deadline, "its place was not given back"
        time.sleep(0.05)


def test_for_a_shared_quota_a_request_may_wait_a_little(limited: Stack) -> None:
    token = limited.token(jti="patient-1", team="patient")
    body = {"model": "assistant", "messages": HELLO, "max_tokens": 50}
    waited = []
    with limited.client(token) as client:
        for _ in range(150):
            began = time.monotonic()
            answer = client.post("/chat/completions", json=body)
            assert answer.status_code == 200
            waited.append(time.monotonic() - began)
            if waited[-1] > 0.3:
                break
    assert waited[-1] > 0.3, "never short"
    assert waited[-1] < 2


def test_a_smaller_model_answers_and_the_answer_says_so(limited: Stack) -> None:
    token = limited.token(jti="large-1")
    first, second = ask(limited, token), ask(limited, token)
    assert "x-gateway-degraded-from" not in first.headers
    assert (second.status_code, second.headers["x-gateway-degraded-from"]) == (200, "assistant")
    assert "x-ratelimit-limit-requests" not in second.headers, "the smaller model has no quota"
    wanted = second.headers["x-request-id"]
    records = limited.wait_for_records(lambda found: any(each.get("gateway.exchange.id") == wanted for each in found))
    (record,) = [
        each
        for each in records
        if each.get("gateway.exchange.id") == wanted and each["event"].startswith("request:decision")
    ]
    assert record["gen_ai.request.model"] == "assistant-eu"
    assert "degraded_from:assistant" in record["gateway.decision.rules"]


def _client(trust: ssl.SSLContext) -> Any:
    return openai.DefaultHttpxClient(verify=trust, trust_env=False)
