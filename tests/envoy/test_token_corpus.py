"""Every known attack on tokens, at each interface: one answer to all of them, and no trace of a token anywhere."""

from __future__ import annotations

import ssl
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from gateway_ext.exchange import CredentialClass
from tests.envoy.forged_tokens import Forge, thumbprint
from tests.envoy.refusals import assert_not_written, assert_nothing_left, assert_refused
from tests.envoy.stack import PLAIN, Stack, chat
from tests.envoy.token_corpus import Headers, bearer, corpus

pytestmark = pytest.mark.envoy
CHAT = "/chat/completions"
HELLO = chat("Hello")
FLOOD = 300


class Door:
    """An interface with a client that has all but the credential."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.name = name
        own, other = CredentialClass.PERSONAL, CredentialClass.SERVICE
        url, certificate = stack.tls_base_url, False
        if name == "internal":
            own, other, url, certificate = other, own, stack.internal_base_url, True
        self.forge = Forge(stack.layout, own)
        self.stranger = stack.token(other, subject="at-the-wrong-door@local")
        trust = stack.trust(with_client_certificate=certificate)
        self.client = httpx.Client(base_url=url, verify=trust, trust_env=False, timeout=30)

    def post(self, headers: Headers) -> httpx.Response:
        encoded = [(name.encode(), value.encode()) for name, value in headers]  # names of keys in any language
        return self.client.post(CHAT, json=HELLO, headers=encoded)


@pytest.fixture(scope="module", params=["public", "internal"])
def door(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Door]:
    door = Door(stack, request.param)
    with door.client:
        yield door


def visible(answer: httpx.Response) -> tuple[int, bytes, list[str]]:
    """All that a caller could tell two refusals apart by.

    Not `connection: close`, which Envoy adds when it answers before the body has come: with any token, as it happens.
    """
    return answer.status_code, answer.content, sorted(set(answer.headers) - {"connection"})


def words_of(cases: dict[str, Headers]) -> set[str]:
    """The parts of tokens that are long and various enough to tell something."""
    values = (value for headers in cases.values() for _, value in headers)
    words = {word for value in values for word in value.replace(".", " ").split()}
    return {word for word in words if len(word) > 20 and len(set(word)) > 5}


def denied(stack: Stack, listener: str) -> int:
    """Requests that ended at one of the two locks, before the processor heard of them, as Envoy counts them."""
    url = f"http://127.0.0.1:{stack.ports.admin}/stats"
    locks = rf"^http\.{listener}\.(jwt_authn|rbac)\.denied$"
    lines = httpx.get(url, params={"filter": locks}, **PLAIN).text.splitlines()
    return sum(int(line.rpartition(": ")[2]) for line in lines)


def test_good_token_is_taken(door: Door) -> None:
    """What is refused below is refused for what is wrong with it."""
    token = door.forge.token()
    for headers in (bearer(token), [("x-api-key", token)], [*bearer(token), ("x-api-key", token)]):
        assert door.post(headers).status_code == 200
    assert door.post(bearer(door.forge.token(aud=["other", door.forge.issuer.audience]))).status_code == 200


def test_whole_corpus_gets_one_answer(stack: Stack, door: Door) -> None:
    nothing = door.post([])
    assert_refused(nothing, 401, "unauthenticated", "authentication_error")
    cases = corpus(door.forge, door.stranger)
    before = denied(stack, door.name)
    answers = {name: door.post(headers) for name, headers in cases.items()}
    different = {name: visible(answer) for name, answer in answers.items() if visible(answer) != visible(nothing)}
    assert different == {}, visible(nothing)
    assert denied(stack, door.name) == before + len(cases)
    assert_nothing_left(stack)
    print(f"{door.name}: {len(cases)} credentials refused with one answer")


def test_no_token_of_the_corpus_is_written_anywhere(stack: Stack, door: Door) -> None:
    cases = corpus(door.forge, door.stranger)
    before = len(refusals_of_envoy(stack.audit_records()))
    for headers in cases.values():
        door.post(headers)
    stack.wait_for_records(lambda found: len(refusals_of_envoy(found)) >= before + len(cases))
    wait_for_access_log(stack, len(cases))
    assert_not_written(stack, "at-the-wrong-door", *words_of(cases))


def test_megabyte_of_token(stack: Stack, door: Door) -> None:
    token = door.forge.token(extra="x" * 1_000_000)
    try:
        answer = door.post(bearer(token))
    except httpx.TransportError:  # the connection may be closed before the answer is read
        pass
    else:
        assert_refused(answer, 431, "headers_too_large")
    assert_nothing_left(stack, "x" * 40, token[-80:])


def test_flood_of_unknown_keys_changes_nothing_for_others(stack: Stack, door: Door) -> None:
    own, _ = door.forge.own_key()
    good = bearer(door.forge.token())
    seen: Counter[int] = Counter()
    for number in range(FLOOD):
        seen[door.post(bearer(door.forge.token(own, header={"kid": f"unknown-{number}"}))).status_code] += 1
        if number % 50 == 0:
            assert door.post(good).status_code == 200
    assert seen == {401: FLOOD}


def test_internal_door_opens_to_our_certificates_only(stack: Stack) -> None:
    token = stack.token(CredentialClass.SERVICE)
    with (
        httpx.Client(base_url=stack.internal_base_url, verify=stack.trust(), trust_env=False) as client,
        pytest.raises((httpx.TransportError, ssl.SSLError)),
    ):
        client.post(CHAT, json=HELLO, headers=dict(bearer(token)))
    assert_nothing_left(stack, token)


def test_credential_with_the_certificate_of_another_service(stack: Stack) -> None:
    door = Door(stack, "internal")
    with door.client:
        of_another = {"x5t#S256": thumbprint(stack.layout.certs / "server.pem")}
        for claims in (
            {"cnf": of_another},
            {"cnf": None},
            {"cnf": {"x5t#S256": ["x"]}},
            {"client_uri": "spiffe://other"},
        ):
            assert door.post(bearer(door.forge.token(**claims))).status_code == 401
    assert_nothing_left(stack)


def refusals_of_envoy(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record["event"] == "envoy:request:refused"]


def wait_for_access_log(stack: Stack, refused: int, seconds: float = 20) -> None:
    """Until at least so many refusals are in it: Envoy writes it some time later."""
    deadline = time.monotonic() + seconds
    while (stack.state / "log" / "envoy.log").read_text(errors="replace").count("access_denied") < refused:
        assert time.monotonic() < deadline, "refusals are missing in the access log"
        time.sleep(0.2)
