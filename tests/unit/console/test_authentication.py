"""Who is asking: for each request anew, by the policy and the orders of that moment."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_ext.errors import StandingUnavailable
from gateway_ext.identity.rules import Role, RoleRule
from gateway_ext.limits import SESSION_IDLE_SECONDS, SESSION_SECONDS_MAX, SESSIONS_PER_PERSON_MAX
from gateway_ext.standing.standing import Standing
from tests.unit.console.login_world import ADA, World, form_token, world_of

ME = "/api/v1/me"
SESSION = "__Host-gateway-session"
ADA_DISABLED = Standing(disabled=frozenset({("ada", "")}))
EVERYTHING_STOPPED = Standing(stops={("everything", ""): "an incident"})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_of(tmp_path, "company", "subsidiary") as running:
        yield running


@pytest.fixture
async def ada(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which she has logged in."""
    async with world.browser() as browser:
        await world.log_in(browser)
        yield browser


def seconds_pass(world: World, seconds: int) -> None:
    world.now_unix_nano += seconds * 10**9


# --- sessions -------------------------------------------------------------------------------------------------------------


async def test_a_session_that_is_not_used_ends(world: World, ada: httpx.AsyncClient) -> None:
    seconds_pass(world, SESSION_IDLE_SECONDS - 1)
    assert (await ada.get(ME)).status_code == 200
    seconds_pass(world, SESSION_IDLE_SECONDS - 1)
    assert (await ada.get(ME)).status_code == 200
    seconds_pass(world, SESSION_IDLE_SECONDS)
    assert (await ada.get(ME)).status_code == 401


async def test_a_session_ends_however_busy(world: World, ada: httpx.AsyncClient) -> None:
    for _ in range(SESSION_SECONDS_MAX // 1_500):
        seconds_pass(world, 1_500)
        assert (await ada.get(ME)).status_code == 200
    seconds_pass(world, SESSION_SECONDS_MAX % 1_500)
    assert (await ada.get(ME)).status_code == 401


async def test_the_oldest_session_makes_room(world: World) -> None:
    browsers = [world.browser() for _ in range(SESSIONS_PER_PERSON_MAX + 1)]
    for browser in browsers:
        seconds_pass(world, 1)
        await world.log_in(browser)
    answers = [(await browser.get(ME)).status_code for browser in browsers]
    assert answers == [401] + [200] * SESSIONS_PER_PERSON_MAX
    for browser in browsers:
        await browser.aclose()


async def test_a_lost_store_means_a_new_login(world: World, ada: httpx.AsyncClient) -> None:
    for path in world.settings.state_dir.glob("console.sqlite*"):
        path.unlink()
    assert (await ada.get(ME)).status_code == 401
    await world.log_in(ada)
    assert (await ada.get(ME)).status_code == 200


async def test_a_store_that_cannot_be_read_lets_nobody_in(world: World, ada: httpx.AsyncClient) -> None:
    for path in world.settings.state_dir.glob("console.sqlite*"):
        path.unlink()
    world.settings.layout.console.mkdir()
    answer = await ada.get(ME)
    assert answer.status_code == 503
    assert "sqlite" not in answer.text


async def test_what_is_over_is_swept(world: World, ada: httpx.AsyncClient) -> None:
    seconds_pass(world, SESSION_IDLE_SECONDS)
    await world.gatekeeper.sweep()
    assert world.gatekeeper.sessions.all() == []


@pytest.mark.parametrize("cookie", ["", "x" * 43, "x" * 4_000, "' OR 1=1 --", "ä"])
async def test_a_made_up_session_is_none(world: World, ada: httpx.AsyncClient, cookie: str) -> None:
    async with world.browser() as browser:
        answer = await browser.get(ME, headers=[(b"cookie", f"{SESSION}={cookie}".encode())])
        assert answer.status_code == 401


async def test_a_console_on_this_machine_without_tls_has_cookies_that_fit(tmp_path: Path) -> None:
    async with world_of(tmp_path, "company", console_url="http://127.0.0.1:8088") as world:
        browser = httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url="http://127.0.0.1:8088")
        async with browser:
            gone = await browser.get("/login/company")
    (cookie,) = gone.headers.get_list("set-cookie")
    assert cookie.startswith("gateway-login-")
    assert cookie.endswith("; HttpOnly; Max-Age=600; Path=/; SameSite=lax")


# --- policy and orders ----------------------------------------------------------------------------------------------------


async def test_a_change_of_roles_counts_at_once(world: World, ada: httpx.AsyncClient) -> None:
    assert (await ada.get(ME)).json()["roles"] == ["developer"]
    world.change_policy(roles=(RoleRule(Role.AUDITOR, teams=frozenset({"research"})),))
    assert (await ada.get(ME)).json()["roles"] == ["auditor"]
    world.change_policy(roles=())
    assert (await ada.get(ME)).json()["roles"] == []
    assert (await ada.get("/api/v1/me/credentials")).status_code == 403


async def test_a_login_that_policy_names_no_more_has_no_sessions(world: World, ada: httpx.AsyncClient) -> None:
    logins = world.policy.identity.logins
    world.change_policy(logins={"subsidiary": logins["subsidiary"]})
    assert (await ada.get(ME)).status_code == 401
    world.change_policy(logins=logins)
    assert (await ada.get(ME)).status_code == 401  # put back: it takes a new login


async def test_a_claim_that_policy_asks_for_since_takes_a_new_login(world: World, ada: httpx.AsyncClient) -> None:
    issuers = dict(world.policy.identity.issuers)
    rule = issuers["company"]
    claims = {**rule.claims, "cost_center": "cost_center"}
    issuers["company"] = dataclasses.replace(rule, claims=claims, required=rule.required | {"cost_center"})
    world.change_policy(issuers=issuers)
    assert (await ada.get(ME)).status_code == 401


async def test_a_disabled_person_is_out_at_once_and_for_good(world: World, ada: httpx.AsyncClient) -> None:
    world.standing = ADA_DISABLED
    assert (await ada.get(ME)).status_code == 401
    world.standing = Standing()
    assert (await ada.get(ME)).status_code == 401
    assert world.recorded()[1:] == [("console:login:ended", "ada", "person_disabled")]


async def test_sessions_of_a_disabled_person_end_without_being_used(world: World, ada: httpx.AsyncClient) -> None:
    world.standing = ADA_DISABLED
    await world.gatekeeper.sweep()
    world.standing = Standing()
    assert (await ada.get(ME)).status_code == 401


async def test_somebody_else_of_another_issuer_stays(world: World, ada: httpx.AsyncClient) -> None:
    world.standing = Standing(disabled=frozenset({("ada", "subsidiary")}))
    assert (await ada.get(ME)).status_code == 200


async def test_a_stop_keeps_nobody_from_lifting_it(world: World, ada: httpx.AsyncClient) -> None:
    world.standing = EVERYTHING_STOPPED
    assert (await ada.get(ME)).status_code == 200


async def test_who_cannot_be_judged_waits_and_stays_logged_in(world: World, ada: httpx.AsyncClient) -> None:
    world.standing = None
    assert (await ada.get(ME)).status_code == 503
    with pytest.raises(StandingUnavailable):
        await world.gatekeeper.sweep()
    world.standing = Standing()
    assert (await ada.get(ME)).status_code == 200


async def test_a_session_ends_even_unrecorded(
    world: World, ada: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    spool = world.settings.layout.spool
    spool.rename(spool.with_name("full"))
    spool.write_text("no directory")
    world.standing = ADA_DISABLED
    await world.gatekeeper.sweep()
    assert world.gatekeeper.sessions.all() == []
    assert "the end of a session is not recorded" in caplog.text


# --- tokens that Envoy has verified -----------------------------------------------------------------------------------------


def claims_header(claims: Any, issuer: str = "company") -> dict[str, str]:
    encoded = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return {f"x-gateway-claims-{issuer}": encoded}


async def test_a_script_shows_a_token_instead(world: World) -> None:
    async with world.browser() as script:
        me = (await script.get(ME, headers=claims_header(ADA))).json()
    assert (me["subject"], me["roles"], me["csrf_token"]) == ("ada", ["developer"], None)


@pytest.mark.parametrize(
    "headers",
    [
        claims_header(ADA, "personal"),  # a key of an application
        claims_header(ADA, "unheard-of"),
        claims_header(ADA) | claims_header(ADA, "subsidiary"),
        claims_header(ADA, "company") | claims_header(ADA, "unheard-of"),
        claims_header([ADA]),
        claims_header("ada"),
        {"x-gateway-claims-company": ""},
        {"x-gateway-claims-company": "a"},
        {"x-gateway-claims-company": "!!!!"},
        {"x-gateway-claims-company": base64.urlsafe_b64encode(b"[" * 9_000).decode()},
        claims_header(ADA | {"padding": "x" * 16_384}),
    ],
    ids=range(11),
)
async def test_headers_that_say_nothing_clear_are_nobody(
    world: World, ada: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await ada.get(ME, headers=headers)  # nor is it the session's then
    assert answer.status_code == 401


async def test_the_same_header_twice_is_nobody(world: World) -> None:
    twice = [*claims_header(ADA).items(), *claims_header(ADA | {"sub": "grace"}).items()]
    async with world.browser() as script:
        assert (await script.get(ME, headers=twice)).status_code == 401


async def test_a_token_without_a_claim_that_policy_requires(world: World) -> None:
    async with world.browser() as script:
        assert (await script.get(ME, headers=claims_header({"sub": "ada"}))).status_code == 401


async def test_a_token_of_a_disabled_person(world: World) -> None:
    world.standing = ADA_DISABLED
    async with world.browser() as script:
        assert (await script.get(ME, headers=claims_header(ADA))).status_code == 401


# --- changes that the person's own browser asks for ---------------------------------------------------------------------------

REVOCATION = "/api/v1/me/credentials/0123456789abcdef0123456789abcdef/revocation"


async def test_a_change_by_session_takes_its_token(world: World, ada: httpx.AsyncClient) -> None:
    token = (await ada.get(ME)).json()["csrf_token"]
    async with world.browser() as other:
        await world.log_in(other)
        foreign = (await other.get(ME)).json()["csrf_token"]
    assert foreign != token
    for wrong in ({}, {"x-csrf-token": ""}, {"x-csrf-token": foreign}, {"x-csrf-token": token.upper() + " "}):
        assert (await ada.post(REVOCATION, headers=wrong)).status_code == 403
    assert (await ada.post(REVOCATION, headers={"x-csrf-token": token})).status_code == 404
    assert (await ada.post(f"{REVOCATION}?csrf_token={token}")).status_code == 403


async def test_a_change_by_token_takes_none(world: World) -> None:
    async with world.browser() as script:
        assert (await script.post(REVOCATION, headers=claims_header(ADA))).status_code == 404


async def test_the_token_tells_nothing_of_the_session(world: World, ada: httpx.AsyncClient) -> None:
    token = form_token((await ada.get("/")).text)
    (session,) = world.gatekeeper.sessions.all()
    assert len(token) == 64
    assert token != session.digest
