"""The local identity provider from the outside: a login as the console does it, and each way in which it must fail."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from gateway_ext.clock import SystemClock
from gateway_ext.limits import NANO
from gateway_ext.local.identity_provider.app import IdentityProvider, application
from gateway_ext.local.identity_provider.people import ensure_people, read_people
from gateway_ext.local.identity_provider.protocol import CODE_SECONDS
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.settings import StateLayout

URL = "http://127.0.0.1:18090"
CONSOLE = "http://127.0.0.1:8088"
CALLBACK = f"{CONSOLE}/login/callback"
VERIFIER = "v" * 43
ASKED = {
    "response_type": "code",
    "client_id": "gateway-ext",
    "redirect_uri": CALLBACK,
    "scope": "openid",
    "state": "a-state",
    "nonce": "a-nonce",
    "code_challenge": create_s256_code_challenge(VERIFIER),
    "code_challenge_method": "S256",
}


class LaterClock(SystemClock):
    """Some seconds ahead."""

    later_seconds = 0

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self.later_seconds * NANO


@dataclass(slots=True)
class Place:
    http: httpx.AsyncClient
    passwords: dict[str, str]
    layout: StateLayout
    clock: LaterClock

    async def log_in(self, name: str = "ada", password: str | None = None, /, **asked: str | None) -> httpx.Response:
        """Send the form. Something asked that is None is left out."""
        query = {key: value for key, value in (ASKED | asked).items() if value is not None}
        form = {"name": name, "password": self.passwords[name] if password is None else password}
        return await self.http.post("/authorize", params=query, data=form)

    async def code(self) -> str:
        return answer_of(await self.log_in())["code"]

    async def redeem(self, code: str, /, **changed: str | None) -> httpx.Response:
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": "gateway-ext",
            "code_verifier": VERIFIER,
            **changed,
        }
        return await self.http.post("/token", data={key: value for key, value in form.items() if value is not None})


def answer_of(response: httpx.Response) -> dict[str, str]:
    """What comes back to the client."""
    assert response.status_code == 303, response.text
    target = urlsplit(response.headers["location"])
    assert target._replace(query="").geturl() == CALLBACK
    return {name: values[0] for name, values in parse_qs(target.query).items()}


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> StateLayout:
    layout = StateLayout(tmp_path_factory.mktemp("state"))
    LocalIssuer.create(layout)
    ensure_people(layout.people)
    return layout


@pytest.fixture
async def place(layout: StateLayout) -> AsyncIterator[Place]:
    clock = LaterClock()
    issuer, people = LocalIssuer.open(layout), read_people(layout.people)
    keys = json.loads((layout.jwks / "company.json").read_text())
    app = application(IdentityProvider(URL, CONSOLE, "gateway-ext", issuer, lambda: keys, people, clock))
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url=URL) as http:
        yield Place(http, {each.name: each.password for each in people}, layout, clock)


async def test_a_login_as_the_console_does_it(place: Place) -> None:
    metadata = (await place.http.get("/.well-known/openid-configuration")).json()
    assert metadata["issuer"] == "https://idp.local"
    assert (metadata["authorization_endpoint"], metadata["token_endpoint"]) == (f"{URL}/authorize", f"{URL}/token")
    page = await place.http.get("/authorize", params=ASKED)
    assert page.status_code == 200
    assert 'name="password"' in page.text
    answer = answer_of(await place.log_in("grace"))
    assert (answer["state"], answer["iss"]) == ("a-state", "https://idp.local")
    tokens = (await place.redeem(answer["code"])).json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    keys = jwt.PyJWKSet.from_dict((await place.http.get(urlsplit(metadata["jwks_uri"]).path)).json())
    key = keys[jwt.get_unverified_header(tokens["id_token"])["kid"]]
    algorithms = metadata["id_token_signing_alg_values_supported"]
    claims = jwt.decode(tokens["id_token"], key, algorithms, audience="gateway-ext", issuer=metadata["issuer"])
    assert claims["nonce"] == "a-nonce"
    assert (claims["sub"], claims["email"], claims["team"]) == ("grace@local", "grace@example.org", "platform")
    assert claims["groups"] == ["llm-users", "llm-admins"]
    assert claims["auth_time"] <= claims["iat"] + 1
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    userinfo = (await place.http.get("/userinfo", headers=bearer)).json()
    assert userinfo.items() <= claims.items()
    assert "password" not in userinfo


async def test_the_access_token_is_for_the_gateway_and_the_id_token_is_not(place: Place) -> None:
    tokens = (await place.redeem(await place.code())).json()
    read = {
        name: jwt.decode(tokens[name], options={"verify_signature": False}) for name in ("access_token", "id_token")
    }
    assert {name: claims["aud"] for name, claims in read.items()} == {
        "access_token": "llm-gateway",
        "id_token": "gateway-ext",
    }
    assert {claims["iss"] for claims in read.values()} == {"https://idp.local"}


@pytest.mark.parametrize(
    "asked",
    [
        {"client_id": "other"},
        {"client_id": None},
        {"redirect_uri": "https://evil.example/login/callback"},
        {"redirect_uri": f"{CALLBACK}/"},
        {"redirect_uri": f"{CALLBACK}?x=1"},
        {"redirect_uri": 'https://evil.example/"\\'},
        {"redirect_uri": None},
    ],
    ids=str,
)
async def test_whoever_is_not_the_client_gets_a_page_and_no_code(place: Place, asked: dict[str, str | None]) -> None:
    query = {key: value for key, value in (ASKED | asked).items() if value is not None}
    for response in (await place.http.get("/authorize", params=query), await place.log_in(**asked)):
        assert response.status_code == 400
        assert "location" not in response.headers
        assert "evil" not in response.text


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"nonce": None}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
    ids=str,
)
async def test_the_client_is_told_what_it_asked_wrongly(place: Place, asked: dict[str, str | None], error: str) -> None:
    answer = answer_of(await place.log_in(**asked))
    assert answer["error"] == error
    assert answer["state"] == "a-state"
    assert "code" not in answer


async def test_a_parameter_given_twice_is_refused(place: Place) -> None:
    query = [*ASKED.items(), ("redirect_uri", "https://evil.example")]
    response = await place.http.get("/authorize", params=query)
    assert response.status_code == 400
    assert "location" not in response.headers


async def test_a_code_counts_once(place: Place) -> None:
    code = await place.code()
    assert (await place.redeem(code)).status_code == 200
    assert (await place.redeem(code)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"redirect_uri": f"{CONSOLE}/other"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"client_id": "other"}, "invalid_client"),
        ({"client_secret": "a-secret"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": 'p"w\\'}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"code": "made-up"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
    ],
    ids=str,
)
async def test_what_a_code_is_not_redeemed_for(place: Place, changed: dict[str, str | None], error: str) -> None:
    response = await place.redeem(await place.code(), **changed)
    assert (response.status_code, response.json()["error"]) == (400, error)


async def test_a_failed_try_uses_the_code_up(place: Place) -> None:
    code = await place.code()
    await place.redeem(code, code_verifier="w" * 43)
    assert (await place.redeem(code)).json()["error"] == "invalid_grant"


async def test_a_code_lives_for_a_minute(place: Place) -> None:
    code = await place.code()
    place.clock.later_seconds = CODE_SECONDS
    assert (await place.redeem(code)).json()["error"] == "invalid_grant"


async def test_a_wrong_password_shows_the_form_again(place: Place) -> None:
    for name, password in (("ada", "wrong"), ("ada", ""), ("nobody", "wrong"), ("ada", place.passwords["grace"])):
        response = await place.log_in(name, password)
        assert response.status_code == 401
        assert "Name or password is wrong." in response.text
        assert "wrong" not in response.text.replace("is wrong", "")
    assert (await place.log_in("ada")).status_code == 303


async def test_guessing_takes_time_and_others_can_log_in_meanwhile(place: Place) -> None:
    for _ in range(5):
        assert (await place.log_in("ada", "wrong")).status_code == 401
    refused = await place.log_in("ada")  # the right one
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) in (29, 30)
    assert (await place.log_in("grace")).status_code == 303
    place.clock.later_seconds = 30
    assert (await place.log_in("ada")).status_code == 303


async def test_a_name_is_shown_as_text(place: Place) -> None:
    response = await place.log_in('"><script>', "wrong")
    assert "<script>" not in response.text
    assert "&quot;&gt;&lt;script&gt;" in response.text


async def test_pages_run_nothing_and_stand_in_no_frame(place: Place) -> None:
    response = await place.http.get("/authorize", params=ASKED)
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; form-action 'self' http://127.0.0.1:8088;")
    assert "frame-ancestors 'none'" in policy
    assert response.headers["cache-control"] == "no-store"


async def test_by_a_name_of_another_site_nothing_is_served(place: Place) -> None:
    for path in ("/authorize", "/token", "/jwks.json", "/.well-known/openid-configuration"):
        assert (await place.http.get(path, headers={"host": "evil.example"})).status_code == 400


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer made-up"}, {"authorization": "Basic x"}], ids=str)
async def test_userinfo_wants_a_token_of_ours(place: Place, header: dict[str, str]) -> None:
    response = await place.http.get("/userinfo", headers=header)
    assert response.status_code == 401
    assert "Bearer" in response.headers["www-authenticate"]


@pytest.mark.parametrize("back", [CONSOLE, f"{CONSOLE}/"])
async def test_logging_out_leads_back_to_the_console(place: Place, back: str) -> None:
    response = await place.http.get("/end-session", params={"post_logout_redirect_uri": back})
    assert (response.status_code, response.headers["location"]) == (303, back)


@pytest.mark.parametrize("elsewhere", ["https://evil.example", f"{CONSOLE}.evil.example", f"{CONSOLE}//evil", ""])
async def test_logging_out_leads_nowhere_else(place: Place, elsewhere: str) -> None:
    response = await place.http.get("/end-session", params={"post_logout_redirect_uri": elsewhere})
    assert response.status_code == 200
    assert "location" not in response.headers


async def test_a_huge_form_is_no_login(place: Place) -> None:
    assert (await place.log_in("ada", "x" * 20_000)).status_code == 401


async def test_nothing_secret_is_in_what_it_prints(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    code = await place.code()
    tokens = (await place.redeem(code)).json()
    for secret in (code, tokens["access_token"], tokens["id_token"], *place.passwords.values()):
        assert secret not in caplog.text
    assert not re.search("|".join(place.passwords.values()), repr(read_people(place.layout.people)))
