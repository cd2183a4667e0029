"""The console by way of the real Envoy: three people log in, and what they do takes hold of the traffic within a second."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import openai
import pytest

from gateway_ext.exchange import CredentialClass
from tests.envoy.browser import Browser, browsing, console_url, person
from tests.envoy.refusals import assert_not_written
from tests.envoy.stack import PLAIN, Stack

pytestmark = pytest.mark.envoy
ORDER_SECONDS_MAX = 1.0
PROBLEM = "application/problem+json"
AUDIENCE = "gateway-control"


def ask(stack: Stack, key: str) -> str:
    """What the model says to the OpenAI SDK with this key. Raises openai.APIStatusError."""
    with openai.OpenAI(base_url=stack.base_url, api_key=key, max_retries=0) as client:
        said = client.chat.completions.create(model="assistant", messages=[{"role": "user", "content": "Hello"}])
    return said.choices[0].message.content or ""


def refusal(stack: Stack, key: str) -> tuple[int, str]:
    """Status and code of what is answered instead; (200, "") when nothing is."""
    try:
        ask(stack, key)
    except openai.APIStatusError as error:
        return error.status_code, str(error.body["code"] if isinstance(error.body, dict) else "")
    return 200, ""


def within_a_second(look: Callable[[], Any], expected: Any) -> None:
    """What `look` sees is `expected` within ORDER_SECONDS_MAX of now."""
    deadline = time.monotonic() + ORDER_SECONDS_MAX
    while (seen := look()) != expected:
        assert time.monotonic() < deadline, seen
        time.sleep(0.02)


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), answer.text
    assert answer.json()["type"] == f"urn:gateway-ext:problem:{code}"


@pytest.fixture
def ada(stack: Stack) -> Iterator[Browser]:
    with browsing(stack, "ada") as browser:
        yield browser


@pytest.fixture
def grace(stack: Stack) -> Iterator[Browser]:
    with browsing(stack, "grace") as browser:
        yield browser


@pytest.fixture
def sofia(stack: Stack) -> Iterator[Browser]:
    with browsing(stack, "sofia") as browser:
        yield browser


def minted(browser: Browser, name: str) -> str:
    answer = browser.post("/me/credentials", {"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


@contextmanager
def ordered(browser: Browser, path: str, body: dict[str, str]) -> Iterator[None]:
    """An order of the API, ended afterwards whatever happens."""
    given = browser.post(path, body)
    assert given.status_code == 201, given.text
    try:
        yield
    finally:
        ended = browser.post(f"{path}/{given.json()['id']}/ending", {"reason": "the test is over"})
        assert ended.status_code == 200, ended.text


# --- logging in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "team", "roles"),
    [
        ("ada", "demo", ["developer"]),
        ("grace", "platform", ["admin", "developer"]),
        ("sofia", "security", ["security-officer"]),
    ],
)
def test_each_of_the_three_logs_in_with_what_up_has_printed(
    stack: Stack, name: str, team: str, roles: list[str]
) -> None:
    banner = (stack.state.parent / "up.log").read_text()
    assert f"console     {console_url(stack)}" in banner
    printed = re.search(rf"^ +{name} +(\S+)   (.*)$", banner, re.MULTILINE)
    assert printed is not None
    password, printed_roles = printed.groups()
    assert printed_roles == ", ".join(roles)
    with browsing(stack) as browser:
        assert_problem(browser.me(), 401, "unauthenticated")
        landed = browser.log_in(name, password)
        assert (landed.status_code, landed.headers["location"]) == (303, "/")
        me = browser.me().json()
        assert (me["subject"], me["team"], me["roles"]) == (f"{name}@local", team, roles)
        assert me["email"] == f"{name}@example.org"
        assert browser.http.get("/").status_code == 200


def test_a_wrong_password_is_no_login(stack: Stack) -> None:
    with browsing(stack) as browser:
        assert browser.log_in("ada", person(stack, "grace").password).status_code == 401
        assert_problem(browser.me(), 401, "unauthenticated")


def test_logging_out_ends_the_session(ada: Browser) -> None:
    token = ada.me().json()["csrf_token"]
    cookies = dict(ada.http.cookies)
    answer = ada.http.post("/logout", data={"csrf_token": token}, headers={"origin": console_url(ada.stack)})
    assert answer.status_code == 200
    ada.http.cookies.update(cookies)  # a copy that somebody has kept
    assert_problem(ada.me(), 401, "unauthenticated")


def test_a_callback_that_nobody_began_is_refused(stack: Stack, ada: Browser) -> None:
    """A code of ada's, brought to a browser that did not ask for it: login CSRF (RFC 9700 §4.7)."""
    with browsing(stack) as victim, browsing(stack) as attacker:
        begun = attacker.http.get("/login")
        form = {"name": "ada", "password": person(stack, "ada").password}
        answer = attacker.http.post(begun.headers["location"], data=form)
        assert victim.http.get(answer.headers["location"]).status_code >= 400
        assert_problem(victim.me(), 401, "unauthenticated")


# --- what they do ----------------------------------------------------------------------------------------------------


def test_ada_mints_a_credential_and_uses_it_with_the_openai_sdk(stack: Stack, ada: Browser) -> None:
    key = minted(ada, "laptop")
    assert ask(stack, key) == "You said: Hello"
    listed = ada.http.get("/api/v1/me/credentials?state=active").json()["items"]
    (shown,) = [each for each in listed if each["name"] == "laptop"]
    assert "token" not in shown
    assert_not_written(stack, key)
    assert ada.post(f"/me/credentials/{shown['id']}/revocation", {"reason": "lost"}).status_code == 200
    within_a_second(lambda: refusal(stack, key), (401, "credential_revoked"))


def test_sofia_stops_everything_and_lets_it_go_on(stack: Stack, ada: Browser, sofia: Browser) -> None:
    key = minted(ada, "stopped")
    assert refusal(stack, key) == (200, "")
    with ordered(sofia, "/stops", {"scope": "everything", "reason": "an incident"}):
        within_a_second(lambda: refusal(stack, key)[0], 503)
        assert ada.me().status_code == 200  # whoever is to lift it must get in here
    within_a_second(lambda: refusal(stack, key), (200, ""))


def test_grace_disables_ada_whose_key_and_session_end(stack: Stack, grace: Browser) -> None:
    with browsing(stack, "ada") as ada:
        key = minted(ada, "disabled")
        assert refusal(stack, key) == (200, "")
        with ordered(grace, "/disablings", {"subject": "ada@local", "reason": "left"}):
            within_a_second(lambda: refusal(stack, key)[0], 403)
            within_a_second(lambda: ada.me().status_code in (401, 403), True)
            with browsing(stack) as again:
                assert again.log_in("ada").status_code != 303
        within_a_second(lambda: refusal(stack, key), (200, ""))
        assert_problem(ada.me(), 401, "unauthenticated")  # enabled again, but the session is gone

    def is_let_in() -> bool:
        with browsing(stack) as anew:
            return anew.log_in("ada").status_code == 303 and anew.me().status_code == 200

    within_a_second(is_let_in, True)  # the console looks by itself, maybe a moment after the processors


def test_ada_may_neither_stop_nor_disable(stack: Stack, ada: Browser) -> None:
    everything = {"scope": "everything", "reason": "why not"}
    assert_problem(ada.post("/stops", everything), 403, "forbidden")
    assert_problem(ada.post("/disablings", {"subject": "grace@local", "reason": "why not"}), 403, "forbidden")
    assert_problem(ada.http.get("/api/v1/orders"), 403, "forbidden")
    assert refusal(stack, stack.token()) == (200, "")


def test_another_site_cannot_use_a_session(ada: Browser) -> None:
    token = ada.me().json()["csrf_token"]
    wish, key = {"name": "theirs"}, {"idempotency-key": "theirs-1"}
    for headers in ({"origin": "https://evil.example", "x-csrf-token": token}, {"origin": console_url(ada.stack)}):
        assert_problem(ada.http.post("/api/v1/me/credentials", json=wish, headers=headers | key), 403, "cross-site")


# --- tokens, and what is none ----------------------------------------------------------------------------------------


def show(stack: Stack, headers: list[tuple[str, str]], path: str = "/api/v1/me") -> httpx.Response:
    with httpx.Client(base_url=console_url(stack), timeout=20, **PLAIN) as http:
        return http.get(path, headers=headers)


def bearer(token: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {token}")]


def of_grace(stack: Stack, audience: Any = AUDIENCE) -> str:
    """A token of the company's identity provider."""
    return stack.token(CredentialClass.SSO, subject="grace@local", groups=["llm-admins"], aud=audience)


def test_a_script_comes_with_a_token_for_the_console(stack: Stack) -> None:
    me = show(stack, bearer(of_grace(stack)))
    assert me.json()["roles"] == ["admin"]
    assert me.json()["csrf_token"] is None


def test_a_script_stops_everything_and_lets_it_go_on(stack: Stack) -> None:
    token = stack.token(CredentialClass.SSO, subject="sofia@local", groups=["llm-security"], aud=AUDIENCE)
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"{console_url(stack)}/api/v1", headers=headers, timeout=20, **PLAIN) as http:
        given = http.post("/stops", json={"scope": "everything", "reason": "an incident"})
        assert given.status_code == 201, given.text
        within_a_second(lambda: refusal(stack, stack.token())[0], 503)
        ended = http.post(f"/stops/{given.json()['id']}/ending", json={"reason": "it is over"})
        assert ended.status_code == 200, ended.text
    within_a_second(lambda: refusal(stack, stack.token()), (200, ""))


def test_other_tokens_are_refused(stack: Stack) -> None:
    good = of_grace(stack)
    for headers in (
        bearer(of_grace(stack, "llm-gateway")),
        bearer(of_grace(stack, "gateway-ext")),
        bearer(stack.token(aud=AUDIENCE)),
        bearer(good[:-4]),
        [*bearer(good), *bearer(good)],
        [*bearer(good), *bearer(stack.token())],
        [*bearer(good), ("x-api-key", stack.token())],
        [("x-api-key", good)],
        [("authorization", f"Basic {good}")],
        [("cookie", f"gateway-session={good}")],
    ):
        assert_problem(show(stack, headers), 401, "unauthenticated")


def test_claims_that_a_client_sets_are_nobodys(stack: Stack) -> None:
    claims = json.dumps({"sub": "grace@local", "team": "platform", "groups": ["llm-admins"]})
    forged = [("x-gateway-claims-company", base64.urlsafe_b64encode(claims.encode()).decode())]
    assert_problem(show(stack, forged), 401, "unauthenticated")
    beside = show(stack, [*bearer(stack.token(CredentialClass.SSO, aud=AUDIENCE)), *forged])
    assert (beside.json()["subject"], beside.json()["roles"]) == ("demo@local", ["developer"])


def test_the_console_is_at_its_own_address_only(stack: Stack) -> None:
    host = [("host", "evil.example")]
    assert_problem(show(stack, [*bearer(of_grace(stack)), *host]), 421, "misdirected")
    with stack.client(of_grace(stack, "llm-gateway")) as models:
        assert models.get(f"http://127.0.0.1:{stack.ports.gateway}/api/v1/me").status_code == 404
    stack.forget_upstream_log()
    with httpx.Client(base_url=console_url(stack), timeout=20, **PLAIN) as http:
        body = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"authorization": f"Bearer {of_grace(stack)}", "origin": console_url(stack)}
        assert http.post("/v1/chat/completions", json=body, headers=headers).status_code == 404
    assert stack.upstream_log() == []


def test_an_access_token_of_the_local_provider_is_single_sign_on_for_the_gateway(stack: Stack) -> None:
    """As an application of one's own would come by it: the same flow, the code redeemed by hand."""
    provider, verifier = f"http://127.0.0.1:{stack.ports.identity_provider}", "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    back = f"{console_url(stack)}/login/callback"
    asked = {
        "response_type": "code", "client_id": "gateway-ext", "redirect_uri": back, "scope": "openid", "nonce": "n",
        "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    with httpx.Client(base_url=provider, **PLAIN) as http:
        form = {"name": "ada", "password": person(stack, "ada").password}
        answer = http.post("/authorize", params=asked, data=form)
        (code,) = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
        redeem = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "client_id": "gateway-ext"}
        tokens = http.post("/token", data=redeem | {"code_verifier": verifier}).json()
    assert ask(stack, tokens["access_token"]) == "You said: Hello"
    assert refusal(stack, tokens["id_token"]) == (401, "unauthenticated")
    for token in (tokens["access_token"], tokens["id_token"]):
        assert_problem(show(stack, bearer(token)), 401, "unauthenticated")


def test_nothing_of_a_login_is_written_anywhere(stack: Stack, ada: Browser) -> None:
    cookie = ada.http.cookies["gateway-session"]
    key = minted(ada, "unwritten")
    assert ask(stack, key)
    assert_not_written(stack, cookie, key, ada.me().json()["csrf_token"])
    secrets = {person(stack, name).password for name in ("ada", "grace", "sofia")}
    for path in (each for each in stack.state.rglob("*") if each.is_file() and each != stack.layout.people):
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path
