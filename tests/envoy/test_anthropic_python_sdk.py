"""Anthropic's Python SDK, unmodified: base URL and key come from the environment, as its users would change them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import pytest
from anthropic.types import MessageParam, ToolParam

from gateway_ext.exchange import CredentialClass
from tests.envoy.refusals import AWS_KEY, MARKER, assert_nothing_left
from tests.envoy.stack import PLAIN, Stack

pytestmark = pytest.mark.envoy
MODEL = "assistant"
HELLO: list[MessageParam] = [{"role": "user", "content": "Say hello."}]
REPLY = "You said: Say hello."
ASKED: dict[str, Any] = {"model": MODEL, "max_tokens": 100, "messages": HELLO}
WEATHER: ToolParam = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()
# Nano-euros per token in, from the cache, and out, from policies/models.yaml.
PRICE_IN, PRICE_CACHED, PRICE_OUT = 2_500, 1_250, 10_000


@pytest.fixture(params=["tls", "loopback"])
def environment(request: pytest.FixtureRequest, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What a user sets: where the gateway is, the credential, and the authority that its certificate is of."""
    base_url = stack.tls_base_url if request.param == "tls" else stack.base_url
    monkeypatch.setenv("ANTHROPIC_BASE_URL", base_url.removesuffix("/v1"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", stack.token())
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(stack.layout.certs / "ca.pem"))
    return monkeypatch


@pytest.fixture
def client(environment: pytest.MonkeyPatch) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic() as sdk:
        yield sdk


def sent(stack: Stack) -> dict[str, Any]:
    """The body of the one request that has reached the provider."""
    (seen,) = stack.upstream_log()
    document: dict[str, Any] = json.loads(seen["body"])
    return document


def text_of(message: anthropic.types.Message) -> str:
    (block,) = message.content
    assert block.type == "text"
    return block.text


# --- answers ---------------------------------------------------------------------------------------------------------


def test_message(client: anthropic.Anthropic, stack: Stack) -> None:
    answer = client.messages.create(**ASKED)
    assert (text_of(answer), answer.stop_reason, answer.role) == (REPLY, "end_turn", "assistant")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (2, 4)
    (seen,) = stack.upstream_log()
    assert seen["path"] == "/us/v1/messages"
    assert sent(stack) == ASKED


def test_stream(client: anthropic.Anthropic) -> None:
    with client.messages.stream(**ASKED) as stream:
        assert "".join(stream.text_stream) == REPLY
        final = stream.get_final_message()
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 4)


def test_events_of_a_stream(client: anthropic.Anthropic) -> None:
    events = list(client.messages.create(**ASKED, stream=True))
    kinds = [event.type for event in events if event.type != "content_block_delta"]
    assert kinds == ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_tool_use_and_its_result(client: anthropic.Anthropic, stack: Stack, is_stream: bool) -> None:
    if is_stream:
        with client.messages.stream(**ASKED, tools=[WEATHER]) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(**ASKED, tools=[WEATHER])
    (call,) = message.content
    assert call.type == "tool_use"
    assert (call.name, call.input, message.stop_reason) == ("weather", {"city": "Say hello."}, "tool_use")
    result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "Sunny."}]}
    conversation: Any = [*HELLO, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    answer = client.messages.create(**ASKED | {"messages": conversation}, tools=[WEATHER])
    assert text_of(answer) == REPLY
    assert json.loads(stack.upstream_log()[-1]["body"])["messages"][2]["content"] == [result]


def test_what_the_gateway_does_not_judge_goes_through_as_it_is(client: anthropic.Anthropic, stack: Stack) -> None:
    image: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    messages: Any = [{"role": "user", "content": [image, {"type": "text", "text": "What is it?"}]}]
    more: dict[str, Any] = {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "metadata": {"user_id": "0f8fad5b"},
        "stop_sequences": ["END"],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tool_choice": {"type": "none"},
        "tools": [WEATHER],
    }
    answer = client.messages.create(model=MODEL, max_tokens=2048, messages=messages, **more)
    assert text_of(answer) == "You said: What is it?"
    assert sent(stack) == {"model": MODEL, "max_tokens": 2048, "messages": messages, **more}


def test_dialects_version_and_betas_go_to_the_provider_and_nothing_else(
    client: anthropic.Anthropic, stack: Stack
) -> None:
    headers = {
        "anthropic-beta": f"context-1m-2025-08-07, claude-code-20250219,{MARKER},x y-2025-01-01,output-128k-2025-02-19",
        "anthropic-workspace-id": MARKER,
        "x-user-email": MARKER,
    }
    client.messages.create(**ASKED, extra_headers=headers)
    (seen,) = stack.upstream_log()
    assert seen["headers"]["anthropic-version"] == client.default_headers["anthropic-version"]
    assert seen["headers"]["anthropic-beta"] == (
        "context-1m-2025-08-07,claude-code-20250219,y-2025-01-01,output-128k-2025-02-19"
    )
    assert set(seen["header_names"]) == {
        "accept", "accept-encoding", "anthropic-beta", "anthropic-version", "authorization", "content-length",
        "content-type", "host", "user-agent", "x-request-id",
    }  # fmt: skip
    assert MARKER not in str(seen)


@pytest.mark.parametrize(
    ("said", "goes_out"), [(None, "2023-06-01"), (MARKER, "2023-06-01"), ("2029-01-31", "2029-01-31")]
)
def test_version_of_the_dialect(stack: Stack, said: str | None, goes_out: str) -> None:
    with stack.client() as client:
        answer = client.post("/messages", json=ASKED, headers={"anthropic-version": said} if said else {})
    assert answer.status_code == 200, answer.text
    (seen,) = stack.upstream_log()
    assert seen["headers"]["anthropic-version"] == goes_out
    assert "anthropic-beta" not in seen["header_names"]


def test_the_other_dialect_sees_nothing_of_this_ones_headers(stack: Stack) -> None:
    with stack.client() as client:
        headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "context-1m-2025-08-07"}
        assert client.post("/chat/completions", json=ASKED, headers=headers).status_code == 200
    (seen,) = stack.upstream_log()
    assert not [name for name in seen["header_names"] if name.startswith("anthropic")]


def test_fallback_is_to_a_deployment_of_the_same_dialect(client: anthropic.Anthropic, stack: Stack) -> None:
    stack.simulate("us", fault="500", count=1)
    assert text_of(client.messages.create(**ASKED)) == REPLY
    assert [seen["path"] for seen in stack.upstream_log()] == ["/us/v1/messages", "/eu/v1/messages"]


def test_sovereign_content_goes_to_the_sovereign_deployment_only(client: anthropic.Anthropic, stack: Stack) -> None:
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": "DE89 3704 0044 0532 0130 00"}]}]
    client.messages.create(**ASKED | {"messages": messages})
    assert [seen["path"] for seen in stack.upstream_log()] == ["/eu/v1/messages"]


# --- credentials -----------------------------------------------------------------------------------------------------


def ask(stack: Stack, *headers: tuple[str, str], base_url: str = "", **options: Any) -> httpx.Response:
    """A message without the SDK, whose newer versions send the key as a bearer token and older ones as `x-api-key`."""
    settings = PLAIN if not base_url else {"trust_env": False}
    with httpx.Client(base_url=base_url or stack.base_url, **settings, **options) as client:
        return client.post("/messages", json=ASKED, headers=[*headers, ("anthropic-version", "2023-06-01")])


def test_key_in_either_header_or_in_both(stack: Stack) -> None:
    token = stack.token()
    key, bearer = ("x-api-key", token), ("authorization", f"Bearer {token}")
    assert [ask(stack, *headers).status_code for headers in ([key], [bearer], [key, bearer])] == [200, 200, 200]
    assert all("x-api-key" not in seen["header_names"] for seen in stack.upstream_log())
    assert token not in str(stack.upstream_log())


def test_two_credentials_that_are_not_both_good_are_none(stack: Stack) -> None:
    token, sso = stack.token(), stack.token(CredentialClass.SSO)
    other = "sk-ant-of-another-account"
    pairs = {
        "bad_key": [("authorization", f"Bearer {token}"), ("x-api-key", other)],
        "bad_bearer": [("authorization", f"Bearer {other}"), ("x-api-key", token)],
        "key_of_another_issuer": [("authorization", f"Bearer {token}"), ("x-api-key", sso)],
        "bad_key_behind_a_good_one": [("x-api-key", token), ("x-api-key", other)],
        "bad_key_before_a_good_one": [("x-api-key", other), ("x-api-key", token)],
        "bearer_in_the_key": [("x-api-key", f"Bearer {token}")],
        "nothing": [],
    }
    answers = {name: ask(stack, *headers) for name, headers in pairs.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(pairs, 401)
    for answer in answers.values():
        body = answer.json()
        assert (body["type"], body["error"]["type"]) == ("error", "authentication_error")
    assert_nothing_left(stack, token, sso)


def test_service_key_at_the_door_of_services_only(stack: Stack) -> None:
    key = ("x-api-key", stack.token(CredentialClass.SERVICE))
    assert ask(stack, key).status_code == 401
    trust = stack.trust(with_client_certificate=True)
    assert ask(stack, key, base_url=stack.internal_base_url, verify=trust).status_code == 200


def test_auth_token(environment: pytest.MonkeyPatch, stack: Stack) -> None:
    environment.setenv("ANTHROPIC_AUTH_TOKEN", stack.token())
    environment.delenv("ANTHROPIC_API_KEY")
    with anthropic.Anthropic() as client:
        assert text_of(client.messages.create(**ASKED)) == REPLY


# --- refusals --------------------------------------------------------------------------------------------------------


REFUSALS: dict[str, tuple[type[anthropic.APIStatusError], dict[str, Any], tuple[str, str, str | None]]] = {
    "bad_request": (
        anthropic.BadRequestError,
        {"max_tokens": -1},
        ("body_invalid", "invalid_request_error", "max_tokens"),
    ),
    "not_found": (anthropic.NotFoundError, {"model": "none"}, ("model_not_found", "not_found_error", "model")),
    "blocked": (
        anthropic.PermissionDeniedError,
        {"messages": [{"role": "user", "content": f"The key is {AWS_KEY}"}]},
        ("content_blocked", "permission_error", None),
    ),
    "blocked_system_prompt": (
        anthropic.PermissionDeniedError,
        {"system": [{"type": "text", "text": f"The key is {AWS_KEY}"}]},
        ("content_blocked", "permission_error", None),
    ),
    "blocked_tool_result": (
        anthropic.PermissionDeniedError,
        {
            "messages": [
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": AWS_KEY}]},
            ]
        },
        ("content_blocked", "permission_error", None),
    ),
}


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("exception", "changes", "says"), REFUSALS.values(), ids=REFUSALS)
def test_refusal_is_the_sdks_own_exception_and_not_retried(
    client: anthropic.Anthropic,
    stack: Stack,
    exception: type[anthropic.APIStatusError],
    changes: dict[str, Any],
    says: tuple[str, str, str | None],
    is_stream: bool,
) -> None:
    with pytest.raises(exception) as caught:
        client.messages.create(**ASKED | changes, stream=is_stream, timeout=60)
    assert error_of(caught.value) == says
    assert AWS_KEY not in str(caught.value)
    assert caught.value.request_id == caught.value.response.headers["x-request-id"]
    assert_not_retried(caught.value)
    assert stack.upstream_log() == []


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_budget_that_is_spent(stack: Stack, monkeypatch: pytest.MonkeyPatch, is_stream: bool) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", stack.base_url.removesuffix("/v1"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", stack.token(subject="spent"))
    stack.use_policy(("budgets.yaml", "amount: 20,", "amount: 0.00001,"))
    try:
        with anthropic.Anthropic() as client, pytest.raises(anthropic.RateLimitError) as caught:
            client.messages.create(**ASKED, stream=is_stream)
    finally:
        stack.use_policy()
    assert error_of(caught.value) == ("budget_exhausted", "rate_limit_error", None)
    assert_not_retried(caught.value)
    assert stack.upstream_log() == []


def test_model_of_the_other_dialect_only_is_served_there(stack: Stack) -> None:
    with stack.client() as client:
        answer = client.post("/chat/completions", json={"model": "assistant-eu", "messages": HELLO})
    assert answer.status_code == 200


def test_wrong_key(environment: pytest.MonkeyPatch, stack: Stack) -> None:
    environment.setenv("ANTHROPIC_API_KEY", "sk-ant-of-another-account")
    with anthropic.Anthropic() as client, pytest.raises(anthropic.AuthenticationError) as caught:
        client.messages.create(**ASKED)
    assert error_of(caught.value) == ("unauthenticated", "authentication_error", None)
    assert_not_retried(caught.value)
    assert stack.upstream_log() == []


def test_endpoint_that_is_not_served(client: anthropic.Anthropic, stack: Stack) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.batches.retrieve("batch")
    assert error_of(caught.value) == ("endpoint_unknown", "not_found_error", None)
    assert stack.upstream_log() == []


def test_failing_providers_are_an_error_that_the_sdk_retries(client: anthropic.Anthropic, stack: Stack) -> None:
    """The counterpart of what is not retried: it shows that the SDK's count, which the tests above rely on, counts."""
    for deployment in ("us", "eu"):
        stack.simulate(deployment, fault="500")
    with pytest.raises(anthropic.InternalServerError) as caught:
        client.with_options(max_retries=1).messages.create(**ASKED)
    assert caught.value.request.headers["x-stainless-retry-count"] == "1"
    assert [seen["path"] for seen in stack.upstream_log()] == ["/us/v1/messages", "/eu/v1/messages"] * 2


def error_of(error: anthropic.APIStatusError) -> tuple[str, str, str | None]:
    """Code, type and parameter; the rest of Anthropic's form is checked on the way."""
    body: Any = error.body
    assert body["type"] == "error"
    said = body["error"]
    assert set(said) == {"type", "message", "param", "code"}
    assert said["message"]
    return said["code"], said["type"], said["param"]


def assert_not_retried(error: anthropic.APIStatusError) -> None:
    """The SDK numbers its attempts; this was the first."""
    assert error.request.headers["x-stainless-retry-count"] == "0"


# --- money -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_charge_counts_what_came_from_the_cache_at_its_own_price(stack: Stack, is_stream: bool) -> None:
    subject = f"cache.{is_stream}"
    system = [{"type": "text", "text": "One two three", "cache_control": {"type": "ephemeral"}}]
    with stack.client(stack.token(subject=subject)) as client:
        answer = client.post("/messages", json=ASKED | {"system": system, "stream": is_stream})
        assert answer.status_code == 200, answer.text
    records = stack.wait_for_records(lambda found: outcome_of(found, subject) is not None)
    outcome = outcome_of(records, subject)
    assert outcome is not None
    assert outcome["gateway.budget.cost_nano"] == 2 * PRICE_IN + 3 * PRICE_CACHED + 4 * PRICE_OUT
    assert outcome["event"] == "request:outcome:settled"
    assert "gateway.outcome.flags" not in outcome


def outcome_of(records: list[dict[str, Any]], subject: str) -> dict[str, Any] | None:
    ids = {r["gateway.exchange.id"] for r in records if r.get("gateway.principal.subject") == subject}
    ended = [r for r in records if r.get("gateway.exchange.id") in ids and ":outcome:" in str(r["event"])]
    return ended[0] if ended else None
