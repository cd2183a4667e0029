"""Logging in with an identity provider, honest and otherwise: who gets a session, and who never does."""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway_ext.standing.standing import Standing
from tests.unit.console.login_world import CONSOLE, FakeProvider, World, form_token, world_of

SESSION = "__Host-gateway-session"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(tmp_path, "company", "subsidiary") as running:
        yield running


async def who(world: World, browser: Any) -> tuple[int, str]:
    answer = await browser.get("/api/v1/me")
    return answer.status_code, answer.json().get("subject", "")


async def test_a_login_makes_a_session_that_is_recorded(world: World) -> None:
    async with world.browser() as browser:
        back = await world.log_in(browser, next_path="/agreements?x=1")
        assert (back.status_code, back.headers["location"]) == (303, "/agreements?x=1")
        assert await who(world, browser) == (200, "ada")
    cookies = back.headers.get_list("set-cookie")
    assert next(each for each in cookies if each.startswith(SESSION)).endswith(
        "; HttpOnly; Max-Age=28800; Path=/; SameSite=lax; Secure"
    )
    assert world.recorded() == [("console:login:made", "ada", "logged in")]


async def test_the_request_to_the_provider_is_as_the_standards_have_it(world: World) -> None:
    async with world.browser() as browser:
        gone = await browser.get("/login/company")
    address = urlsplit(gone.headers["location"])
    query = dict(parse_qsl(address.query))
    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://company.test/authorize"
    fixed = {name: query.pop(name) for name in ("response_type", "client_id", "redirect_uri", "scope")}
    assert fixed == {
        "response_type": "code",
        "client_id": "gateway-ext",
        "redirect_uri": f"{CONSOLE}/login/callback",
        "scope": "openid",
    }
    assert query.pop("code_challenge_method") == "S256"
    assert set(query) == {"state", "nonce", "code_challenge"}
    assert len(set(query.values())) == 3
    assert all(len(value) == 43 for value in query.values())  # 256 bits each


async def test_nothing_that_counts_is_in_the_store_but_as_a_digest(world: World) -> None:
    async with world.browser() as browser:
        gone = await browser.get("/login/company")
        state = dict(parse_qsl(urlsplit(gone.headers["location"]).query))["state"]
        under_way = [cookie.value for cookie in browser.cookies.jar]
        await world.log_in(browser)
        secrets = [state, *under_way, *[cookie.value for cookie in browser.cookies.jar]]
    stored = b"".join(path.read_bytes() for path in world.settings.state_dir.rglob("*") if path.is_file())
    assert len(secrets) == 4
    assert [secret for secret in secrets if secret and secret.encode() in stored] == []


async def test_several_logins_at_a_time_in_one_browser(world: World) -> None:
    async with world.browser() as browser:
        addresses = [await world.begin(browser, name) for name in ("company", "subsidiary", "company")]
        answers = [await browser.get(address) for address in reversed(addresses)]
        assert [answer.status_code for answer in answers] == [303, 303, 303]
        assert len(world.gatekeeper.sessions.all()) == 1  # a new login ends the session before it


# --- answers that are not those of this browser's login ---------------------------------------------------------------


async def test_an_answer_counts_once(world: World) -> None:
    async with world.browser() as browser:
        address = await world.begin(browser)
        assert (await browser.get(address)).status_code == 303
        again = await browser.get(address)
        assert again.status_code == 400
        assert "used already" in again.text


async def test_a_login_that_was_begun_in_another_browser_logs_nobody_in(world: World) -> None:
    """Login CSRF: the attacker's own answer, opened in the victim's browser."""
    async with world.browser() as attacker, world.browser() as victim:
        address = await world.begin(attacker)
        await world.begin(victim)
        assert (await victim.get(address)).status_code == 400
        assert (await who(world, victim))[0] == 401
        assert (await attacker.get(address)).status_code == 400  # it was spent


async def test_a_login_takes_ten_minutes_at_most(world: World) -> None:
    async with world.browser() as browser:
        address = await world.begin(browser)
        world.now_unix_nano += 601 * 10**9
        assert (await browser.get(address)).status_code == 400


async def test_an_answer_of_one_provider_is_none_of_another(world: World) -> None:
    """Mix-up (RFC 9207): the state of a login at `company`, the answer of `subsidiary`."""
    async with world.browser() as browser:
        address = await world.begin(browser, "company")
        mixed = address.replace("iss=https://company.test", "iss=https://subsidiary.test")
        assert (await browser.get(mixed)).status_code == 502
        assert world.providers["company"].asked[-1] != "/token"  # the code was sent to nobody
        unsaid = (await world.begin(browser, "company")).partition("&iss=")[0]
        assert (await browser.get(unsaid)).status_code == 502  # this one says that it always says so


async def test_a_code_of_another_login_is_refused_by_its_challenge(world: World) -> None:
    async with world.browser() as attacker, world.browser() as victim:
        stolen = dict(parse_qsl(urlsplit(await world.begin(victim)).query))["code"]
        address = await world.begin(attacker)
        own = dict(parse_qsl(urlsplit(address).query))["code"]
        answer = await attacker.get(address.replace(own, stolen))
        assert answer.status_code == 502
        assert "invalid_grant" in answer.text


async def test_an_answer_that_says_something_twice_is_refused(world: World) -> None:
    async with world.browser() as browser:
        assert (await browser.get(f"{await world.begin(browser)}&state=other")).status_code == 403


async def test_what_the_provider_says_against_it_is_not_repeated(world: World) -> None:
    async with world.browser() as browser:
        gone = await browser.get("/login/company")
        state = dict(parse_qsl(urlsplit(gone.headers["location"]).query))["state"]
        told = {"error": "access_denied", "error_description": "<b>call 555</b>", "state": state}
        answer = await browser.get("/login/callback", params={**told, "iss": "https://company.test"})
        assert answer.status_code == 403
        assert "555" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "//evil.test",
        "https://evil.test/",
        "/\\evil.test",
        "\\\\evil.test",
        "/%0d%0aX:1\r\n",
        "javascript:alert(1)",
        "/ä",
    ],
)
async def test_a_login_leads_nowhere_else(world: World, path: str) -> None:
    async with world.browser() as browser:
        back = await world.log_in(browser, next_path=path)
        assert (back.status_code, back.headers["location"]) == (303, "/")
        chosen = await browser.get("/login", params={"next": path})
        assert "evil" not in chosen.text


async def test_a_login_has_a_new_session_whatever_the_browser_had(world: World) -> None:
    """Session fixation: the attacker's session, put into the victim's browser."""
    async with world.browser() as attacker, world.browser() as victim:
        await world.log_in(attacker)
        fixed = attacker.cookies[SESSION]
        victim.cookies.set(SESSION, fixed, domain="console.test")
        world.providers["company"].claims["sub"] = "grace"
        await world.log_in(victim)
        assert {cookie.value for cookie in victim.cookies.jar if cookie.name == SESSION} != {fixed}
        assert (await who(world, attacker))[0] == 401


# --- ID tokens that nobody should believe -----------------------------------------------------------------------------


def unsigned(provider: FakeProvider) -> Callable[[dict[str, Any]], str]:
    return lambda claims: f"{_part({'alg': 'none'})}.{_part(claims)}."


def hmac_with_the_public_key(provider: FakeProvider) -> Callable[[dict[str, Any]], str]:
    assert isinstance(provider.key, ECKey)
    public = provider.key.as_pem(private=False)

    def make(claims: dict[str, Any]) -> str:
        signed = f"{_part({'alg': 'HS256', 'kid': provider.key.kid})}.{_part(claims)}"
        return f"{signed}.{_base64(hmac.digest(public, signed.encode(), 'sha256'))}"

    return make


def _part(content: dict[str, Any]) -> str:
    return _base64(json.dumps(content).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed_by_somebody_else(provider: FakeProvider) -> Callable[[dict[str, Any]], str]:
    other = ECKey.generate_key("P-256")
    return lambda claims: jwt.encode({"alg": "ES256", "kid": provider.key.kid}, claims, other)


def of_an_unknown_key(provider: FakeProvider) -> Callable[[dict[str, Any]], str]:
    other = ECKey.generate_key("P-256")
    return lambda claims: jwt.encode({"alg": "ES256", "kid": "unheard-of"}, claims, other)


def with_its_own_key(provider: FakeProvider) -> Callable[[dict[str, Any]], str]:
    other = ECKey.generate_key("P-256")
    header = {"alg": "ES256", "kid": provider.key.kid, "jwk": other.as_dict(private=False)}
    return lambda claims: jwt.encode(header, claims, other)


def that_is_none(provider: FakeProvider) -> Callable[[dict[str, Any]], str]:
    return lambda claims: "not.a.token"


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (unsigned, "algorithm_not_allowed"),
        (hmac_with_the_public_key, "algorithm_not_allowed"),
        (signed_by_somebody_else, "signature_invalid"),
        (of_an_unknown_key, "key_unknown"),
        (with_its_own_key, "signature_invalid"),
        (that_is_none, "signature_invalid"),
    ],
)
async def test_a_forged_token_logs_nobody_in(world: World, forge: Any, reason: str) -> None:
    company = world.providers["company"]
    company.published = [company.key, ECKey.generate_key("P-256", {"kid": "other"})]
    company.make_token = forge(company)
    async with world.browser() as browser:
        answer = await world.log_in(browser)
        assert answer.status_code == 502
        assert reason in answer.text
        assert (await who(world, browser))[0] == 401
    assert world.recorded() == [("console:login:refused", "", reason)]


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "another"}, "nonce_invalid"),
        ({"nonce": None}, "nonce_invalid"),
        ({"aud": "another-client"}, "aud_invalid"),
        ({"aud": None}, "aud_invalid"),
        ({"aud": ["gateway-ext", "another-client"]}, "azp_invalid"),
        ({"aud": ["gateway-ext", "another-client"], "azp": "another-client"}, "azp_invalid"),
        ({"iss": "https://subsidiary.test"}, "iss_invalid"),
        ({"iss": None}, "iss_invalid"),
        ({"exp": 1_700_000_000}, "exp_invalid"),
        ({"exp": "tomorrow"}, "exp_invalid"),
        ({"iat": 4_000_000_000}, "iat_invalid"),
        ({"nbf": 4_000_000_000}, "nbf_invalid"),
        ({"at_hash": "AAAA"}, "at_hash_invalid"),
        ({"sub": None}, "sub_invalid"),
    ],
)
async def test_a_token_for_something_else_logs_nobody_in(world: World, claims: dict[str, Any], reason: str) -> None:
    world.providers["company"].id_token = claims
    async with world.browser() as browser:
        answer = await world.log_in(browser)
        assert (answer.status_code, reason in answer.text) == (502, True)
        assert (await who(world, browser))[0] == 401


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", RSAKey.generate_key(2048, {"kid": "k"})),
        ("PS256", RSAKey.generate_key(2048, {"kid": "k"})),
        ("ES256", ECKey.generate_key("P-256", {"kid": "k"})),
        ("EdDSA", OKPKey.generate_key("Ed25519", {"kid": "k"})),
    ],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # by the library that signs for this provider
async def test_the_signatures_that_are_believed(world: World, algorithm: str, key: Any) -> None:
    company = world.providers["company"]
    company.algorithm, company.key = algorithm, key
    async with world.browser() as browser:
        assert (await world.log_in(browser)).status_code == 303


async def test_keys_that_changed_between_two_logins_are_asked_for_again_once(world: World) -> None:
    company = world.providers["company"]
    async with world.browser() as browser:
        await world.log_in(browser)
        company.key = ECKey.generate_key("P-256", {"kid": "second"})
        assert (await world.log_in(browser)).status_code == 303
    assert company.asked.count("/jwks") == 2
    assert company.asked.count("/.well-known/openid-configuration") == 1


# --- who it is --------------------------------------------------------------------------------------------------------


async def test_claims_that_the_token_lacks_are_asked_for(world: World) -> None:
    company = world.providers["company"]
    company.claims, company.userinfo = (
        {"sub": "ada"},
        {"sub": "ada", "org": {"team": "research"}, "groups": ["llm-admins"]},
    )
    async with world.browser() as browser:
        assert (await world.log_in(browser)).status_code == 303
        me = (await browser.get("/api/v1/me")).json()
        assert (me["team"], me["roles"]) == ("research", ["admin"])


async def test_the_token_says_more_than_the_userinfo(world: World) -> None:
    company = world.providers["company"]
    company.claims = {"sub": "ada", "org": {"team": "research"}, "groups": ["llm-users"]}
    company.userinfo = {"sub": "ada", "groups": ["llm-admins"]}
    async with world.browser() as browser:
        await world.log_in(browser)
        assert (await browser.get("/api/v1/me")).json()["roles"] == ["developer"]


async def test_the_userinfo_of_somebody_else_is_refused(world: World) -> None:
    company = world.providers["company"]
    company.claims, company.userinfo = {"sub": "ada"}, {"sub": "grace", "org": {"team": "research"}}
    async with world.browser() as browser:
        answer = await world.log_in(browser)
        assert (answer.status_code, "userinfo_of_somebody_else" in answer.text) == (502, True)


async def test_a_missing_claim_is_named_without_a_value(world: World) -> None:
    world.providers["company"].claims = {"sub": "ada", "org": {"unit": "secret-unit"}}
    async with world.browser() as browser:
        answer = await world.log_in(browser)
    assert answer.status_code == 403
    assert "org.team" in answer.text
    assert "company" in answer.text
    assert "secret-unit" not in answer.text
    assert world.recorded() == [("console:login:refused", "", "claim_missing")]


async def test_a_disabled_person_is_not_let_in(world: World) -> None:
    world.standing = Standing(disabled=frozenset({("ada", "")}))
    async with world.browser() as browser:
        answer = await world.log_in(browser)
    assert (answer.status_code, "disabled" in answer.text) == (403, True)
    assert world.recorded() == [("console:login:refused", "ada", "person_disabled")]


async def test_nobody_is_let_in_while_the_orders_are_not_known(world: World) -> None:
    world.standing = None
    async with world.browser() as browser:
        assert (await world.log_in(browser)).status_code == 503


async def test_nobody_is_let_in_unrecorded(world: World) -> None:
    world.settings.layout.spool.write_text("no directory")
    async with world.browser() as browser:
        answer = await world.log_in(browser)
        assert answer.status_code == 503
        assert str(world.settings.state_dir) not in answer.text
        assert (await who(world, browser))[0] == 401
    assert world.gatekeeper.sessions.all() == []


# --- providers ----------------------------------------------------------------------------------------------------------


async def test_the_one_provider_is_gone_to_at_once_and_several_are_listed(world: World, tmp_path: Path) -> None:
    async with world.browser() as browser:
        listed = await browser.get("/login", params={"next": "/agreements"})
        assert "/login/company?next=/agreements" in listed.text
        assert "/login/subsidiary?next=/agreements" in listed.text
    async with world_of(tmp_path / "one", "company") as one, one.browser() as browser:
        assert (await browser.get("/login")).headers["location"].startswith("https://company.test/authorize?")


async def test_a_provider_that_is_away_is_said_to_be(world: World) -> None:
    world.providers["company"].is_down = True
    async with world.browser() as browser:
        answer = await browser.get("/login/company")
        assert answer.status_code == 503
        assert "&#39;company&#39; does not answer" in answer.text
        assert (await browser.get("/login/subsidiary")).status_code == 303
        assert (await browser.get("/login/unheard-of")).status_code == 400


async def test_a_provider_that_goes_away_meanwhile(world: World) -> None:
    async with world.browser() as browser:
        address = await world.begin(browser)
        world.providers["company"].is_down = True
        assert (await browser.get(address)).status_code == 503


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://subsidiary.test"},
        {"token_endpoint": "http://company.test/token"},
        {"token_endpoint": "https://user:word@company.test/token"},
        {"token_endpoint": "https:///token"},
        {"token_endpoint": 1},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
async def test_metadata_that_lead_astray_are_not_followed(world: World, metadata: dict[str, Any]) -> None:
    world.providers["company"].metadata = metadata
    async with world.browser() as browser:
        assert (await browser.get("/login/company")).status_code == 502


async def test_an_endpoint_may_have_a_query(world: World) -> None:
    world.providers["company"].metadata = {"authorization_endpoint": "https://company.test/authorize?p=policy-1"}
    async with world.browser() as browser:
        gone = await browser.get("/login/company")
    assert gone.headers["location"].startswith("https://company.test/authorize?p=policy-1&response_type=code&")


async def test_an_answer_without_end_is_none(world: World) -> None:
    world.providers["company"].metadata = {"padding": "x" * 300_000}
    async with world.browser() as browser:
        assert (await browser.get("/login/company")).status_code == 503


@pytest.mark.parametrize(("methods", "as_header"), [(None, True), (["client_secret_post"], False)])
async def test_a_client_secret_is_shown_as_the_provider_wants_it(
    world: World, methods: list[str] | None, *, as_header: bool
) -> None:
    company = world.providers["company"]
    company.secret, company.metadata = "s:ecret", {"token_endpoint_auth_methods_supported": methods}
    world.settings.layout.logins.mkdir()
    file = world.settings.layout.logins / "company.secret"
    file.write_text("s:ecret\n")
    file.chmod(0o600)
    async with world.browser() as browser:
        assert (await world.log_in(browser)).status_code == 303
        file.chmod(0o644)
        answer = await world.log_in(browser)
        assert answer.status_code == 503
        assert "company.secret" not in answer.text


# --- logging out --------------------------------------------------------------------------------------------------------


async def test_logging_out_ends_the_session_here_and_offers_to_end_it_there(world: World) -> None:
    async with world.browser() as browser:
        await world.log_in(browser)
        token = (await browser.get("/api/v1/me")).json()["csrf_token"]
        foreign = await browser.post("/logout", data={"csrf_token": "0" * 64})
        assert foreign.status_code == 403
        stolen = browser.cookies[SESSION]
        out = await browser.post("/logout", data={"csrf_token": token})
        assert out.status_code == 200
        assert "https://company.test/end?client_id=gateway-ext&amp;post_logout_redirect_uri=https%3A%2F%2F" in out.text
        browser.cookies.set(SESSION, stolen, domain="console.test")
        assert (await who(world, browser))[0] == 401
    assert world.recorded()[1:] == [("console:login:ended", "ada", "logged out")]
    assert form_token(out.text) == ""


# --- documentation ------------------------------------------------------------------------------------------------------


def test_every_word_for_a_refused_answer_is_explained() -> None:
    project = Path(__file__).parents[3]
    words = {
        word
        for path in (project / "gateway_ext" / "console").glob("*.py")
        for word in re.findall(r'(?:AnswerRefused|KeyUnknown)\("(\w+)"\)', path.read_text())
    }
    assert len(words) > 8
    page = (project / "docs" / "login.md").read_text()
    assert {word for word in words if f"`{word}`" not in page} == set()
