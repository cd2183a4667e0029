"""Who gets in, by which door, and to which models; whoever does not is told nothing but that."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_ext.exchange import CredentialClass
from gateway_ext.local.certificates import ensure_certificates
from tests.envoy.forged_tokens import Forge
from tests.envoy.refusals import assert_not_written, assert_nothing_left, assert_refused
from tests.envoy.stack import PLAIN, Stack, chat

pytestmark = pytest.mark.envoy
CHAT = "/chat/completions"
HELLO = chat("Hello")
SERVICE = CredentialClass.SERVICE


@pytest.fixture(scope="module")
def forge(stack: Stack) -> Forge:
    return Forge(stack.layout)


@pytest.fixture(scope="module")
def anonymous(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client("") as client:
        yield client


@pytest.fixture(scope="module")
def internal(stack: Stack) -> Iterator[httpx.Client]:
    """The listener for services, with a client certificate and without a credential."""
    trust = stack.trust(with_client_certificate=True)
    with httpx.Client(base_url=stack.internal_base_url, verify=trust, trust_env=False) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def visible(answer: httpx.Response) -> tuple[int, bytes, set[str]]:
    """All that a caller could tell two refusals apart by. Whether the connection is kept depends on how soon the body came."""
    return answer.status_code, answer.content, set(answer.headers) - {"connection"}


# --- tokens that do not verify ---------------------------------------------------------------------------------------


def test_what_is_forged_would_be_a_token_but_for_what_is_wrong(forge: Forge, anonymous: httpx.Client) -> None:
    assert anonymous.post(CHAT, json=HELLO, headers=bearer(forge.token())).status_code == 200


def test_all_wrong_tokens_get_the_same_answer(stack: Stack, forge: Forge, anonymous: httpx.Client) -> None:
    nothing = anonymous.post(CHAT, json=HELLO)
    assert_refused(nothing, 401, "unauthenticated", "authentication_error")
    tokens = forge.wrong_tokens()
    answers = {name: anonymous.post(CHAT, json=HELLO, headers=bearer(token)) for name, token in tokens.items()}
    assert {name: answer for name, answer in answers.items() if visible(answer) != visible(nothing)} == {}
    words = [part for token in tokens.values() for part in token.split(".") if len(part) > 20]
    assert_nothing_left(stack, *words)


def test_good_token_in_the_wrong_place(stack: Stack, forge: Forge, anonymous: httpx.Client) -> None:
    token = forge.token()
    nothing = anonymous.post(CHAT, json=HELLO)
    places: dict[str, dict[str, Any]] = {
        "query": {"params": {"access_token": token}},
        "bearer_as_api_key": {"headers": {"x-api-key": f"Bearer {token}"}},
        "api_key": {"headers": {"api-key": token}},
        "proxy_authorization": {"headers": {"proxy-authorization": f"Bearer {token}"}},
        "cookie": {"headers": {"cookie": f"authorization=Bearer {token}"}},
        "websocket_protocol": {"headers": {"sec-websocket-protocol": token}},
        "basic": {"headers": {"authorization": f"Basic {token}"}},
        "bare": {"headers": {"authorization": token}},
        "behind_another": {"headers": [("authorization", "Bearer x"), ("authorization", f"Bearer {token}")]},
        "beside_a_bad_key": {"headers": {"authorization": f"Bearer {token}", "x-api-key": "sk-of-another-provider"}},
        "beside_a_bad_bearer": {"headers": {"authorization": "Bearer x", "x-api-key": token}},
    }
    answers = {name: anonymous.post(CHAT, json=HELLO, **options) for name, options in places.items()}
    assert {name: answer for name, answer in answers.items() if visible(answer) != visible(nothing)} == {}
    assert_nothing_left(stack, token)


def test_token_above_the_size_of_headers(stack: Stack, forge: Forge, anonymous: httpx.Client) -> None:
    answer = anonymous.post(CHAT, json=HELLO, headers=bearer(forge.token(extra="x" * 60_000)))
    assert_refused(answer, 431, "headers_too_large")
    assert_nothing_left(stack)


def test_each_refusal_of_envoy_is_in_the_trail(stack: Stack, forge: Forge, anonymous: httpx.Client) -> None:
    def of_envoy(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        refused = [record for record in records if record["event"] == "envoy:request:refused"]
        return [record for record in refused if record["gateway.outcome.reason"] == "jwt_authn_access_denied"]

    before, tokens = denied_by_envoy(stack), forge.wrong_tokens()
    for token in tokens.values():
        anonymous.post(CHAT, json=HELLO, headers=bearer(token))
    total = denied_by_envoy(stack)
    assert total == before + len(tokens)
    records = stack.wait_for_records(lambda found: len(of_envoy(found)) == total)
    new = of_envoy(records)[before:]
    assert {record["http.response.status_code"] for record in new} == {401}
    assert not any("gateway.principal.subject" in record for record in new)
    words = [part for token in tokens.values() for part in token.split(".") if len(part) > 20]
    assert_not_written(stack, *words)


def denied_by_envoy(stack: Stack) -> int:
    """Requests to models without a valid token since the start, as Envoy's own counters have them."""
    url = f"http://127.0.0.1:{stack.ports.admin}/stats"
    lines = httpx.get(url, params={"filter": "jwt_authn\\.denied$"}, **PLAIN).text.splitlines()
    return sum(int(line.rpartition(": ")[2]) for line in lines if not line.startswith("http.console"))


# --- doors -----------------------------------------------------------------------------------------------------------


def test_service_with_its_certificate(stack: Stack, internal: httpx.Client) -> None:
    subject = "nightly-batch"
    answer = internal.post(CHAT, json=HELLO, headers=bearer(stack.token(SERVICE, subject=subject)))
    assert answer.status_code == 200, answer.text
    records = stack.wait_for_records(lambda found: any(r.get("gateway.principal.subject") == subject for r in found))
    (decision,) = (record for record in records if record.get("gateway.principal.subject") == subject)
    assert decision["gateway.interface"] == "internal"
    assert decision["gateway.principal.kind"] == "service"
    assert decision["gateway.principal.credential_class"] == "service"


@pytest.mark.parametrize("credential_class", [CredentialClass.PERSONAL, CredentialClass.SSO])
def test_person_at_the_door_of_services(
    stack: Stack, internal: httpx.Client, credential_class: CredentialClass
) -> None:
    answer = internal.post(CHAT, json=HELLO, headers=bearer(stack.token(credential_class)))
    assert_refused(answer, 401, "unauthenticated", "authentication_error")
    assert_nothing_left(stack)


@pytest.mark.parametrize("door", ["public", "loopback"])
def test_service_at_the_doors_of_people(stack: Stack, anonymous: httpx.Client, door: str) -> None:
    url = (stack.tls_base_url if door == "public" else stack.base_url) + CHAT
    answer = httpx.post(url, json=HELLO, headers=bearer(stack.token(SERVICE)), verify=stack.trust(), trust_env=False)
    assert visible(answer) == visible(anonymous.post(CHAT, json=HELLO))
    assert_nothing_left(stack)


@pytest.mark.parametrize("certificate", ["none", "self_made", "of_the_other_authority"])
def test_service_without_a_certificate_of_ours(stack: Stack, tmp_path: Path, certificate: str) -> None:
    trust = stack.trust()
    if certificate == "self_made":
        ensure_certificates(tmp_path, time.time_ns())
        trust.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
    elif certificate == "of_the_other_authority":
        trust.load_cert_chain(stack.layout.certs / "server.pem", stack.layout.certs / "server.key")
    with (
        httpx.Client(base_url=stack.internal_base_url, verify=trust, trust_env=False) as client,
        pytest.raises((httpx.TransportError, ssl.SSLError)),
    ):
        client.post(CHAT, json=HELLO, headers=bearer(stack.token(SERVICE)))
    assert_nothing_left(stack)


# --- rights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["team", "sub", "jti"])
@pytest.mark.parametrize("value", [None, "", "x" * 257, "line\nbreak"])
def test_claim_that_policy_requires(
    stack: Stack, forge: Forge, anonymous: httpx.Client, claim: str, value: Any
) -> None:
    answer = anonymous.post(CHAT, json=HELLO, headers=bearer(forge.token(**{claim: value})))
    assert_refused(answer, 403, "claim_missing", "authentication_error")
    assert f"'{claim}'" in answer.json()["error"]["message"]
    assert_nothing_left(stack)


def test_service_sees_and_uses_its_models_only(stack: Stack, internal: httpx.Client) -> None:
    headers = bearer(stack.token(SERVICE))
    models = [model["id"] for model in internal.get("/models", headers=headers).json()["data"]]
    assert models == ["assistant", "assistant-eu", "embedder"]
    answer = internal.post(CHAT, json=chat("Hello", model="frontier-only"), headers=headers)
    assert_refused(answer, 403, "model_not_allowed", "permission_error", "model")
    assert stack.upstream_log() == []


@pytest.mark.parametrize("groups", [[], ["llm-services"], ["LLM-users"], ["llm-users "], "llm-user*", {"llm-users": 1}])
def test_person_of_no_group_that_policy_names(stack: Stack, forge: Forge, groups: object) -> None:
    with stack.client(forge.token(groups=groups)) as client:
        assert client.get("/models").json()["data"] == []
        for model in ("assistant", "frontier-only"):
            answer = client.post(CHAT, json=chat("Hello", model=model))
            assert_refused(answer, 403, "model_not_allowed", "permission_error", "model")
        unknown = client.post(CHAT, json=chat("Hello", model="none"))
        assert_refused(unknown, 404, "model_not_found", param="model")
    assert_nothing_left(stack)


def test_credential_of_the_caller_ends_at_the_gateway(stack: Stack) -> None:
    """The simulated provider answers to its own key only, which Envoy has put in the place of the caller's."""
    token = stack.token()
    for deployment in ("us", "eu"):
        with stack.client(token) as client:
            assert client.post(CHAT, json=HELLO).json()["system_fingerprint"] == deployment
        stack.simulate("us", fault="500")
    assert [seen["status"] for seen in stack.upstream_log()] == [200, 500, 200]
    assert token not in str(stack.upstream_log())
    assert_not_written(stack, token, *(f"provider-key-of-{deployment}" for deployment in ("us", "eu")))
