"""Logging in to the console at real OpenID providers: the certified `oidc-provider` over TLS, and a browser that does as told."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_ext.administration import orders
from gateway_ext.administration.actor import Actor
from gateway_ext.bootstrap.policy import watched_standing
from gateway_ext.console.app import application
from gateway_ext.console.authentication import Gatekeeper
from gateway_ext.identity.rules import LoginRule
from gateway_ext.local.certificates import ensure_certificates
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.settings import Settings
from gateway_ext.standing.directives import Measure, Scope, Target
from gateway_ext.standing.sqlite_store import StandingStore
from tests.envoy.identity_provider import SECRET, IdentityProvider, identity_provider
from tests.envoy.snapshots import snapshot_of
from tests.unit.console.login_world import CLIENT, CONSOLE, identity

pytestmark = pytest.mark.timeout(120)
PEOPLE = {
    "ada": {"email": "ada@example.eu", "org": {"team": "research"}, "groups": ["llm-users"]},
    "grace": {"org": {"team": "platform"}, "groups": ["llm-admins"]},
    "eve": {"groups": ["llm-users"]},
}
# How each signs, how the console shows itself to it, and whether its ID tokens have the claims.
PROVIDERS = {
    "company": ("RS256", "none", True),
    "subsidiary": ("ES256", "client_secret_basic", False),
    "laboratory": ("EdDSA", "client_secret_post", False),
    "archive": ("PS256", "none", False),
}
ENDED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Fixed:
    policy: Snapshot

    def current(self) -> Snapshot:
        return self.policy


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("logins")
    ensure_certificates(root / "certs", time.time_ns())
    return root / "certs"


@pytest.fixture(scope="module")
def providers(certs: Path) -> Iterator[dict[str, IdentityProvider]]:
    with ExitStack() as cleanup:
        yield {name: cleanup.enter_context(started(name, certs)) for name in PROVIDERS}


def started(name: str, certs: Path) -> Any:
    algorithm, method, in_id_token = PROVIDERS[name]
    client = {
        "client_id": CLIENT,
        "token_endpoint_auth_method": method,
        "redirect_uris": [f"{CONSOLE}/login/callback"],
        "post_logout_redirect_uris": [f"{CONSOLE}/"],
        **({} if method == "none" else {"client_secret": SECRET}),
    }
    login = {"clients": [client], "accounts": PEOPLE, "inIdToken": in_id_token}
    return identity_provider(algorithm, {}, certs, login=login)


@dataclass(slots=True)
class Browser:
    """One person's: cookies of the console and of the providers, redirects followed from the one to the other."""

    console: httpx.AsyncClient
    outside: httpx.AsyncClient

    async def get(self, url: str) -> httpx.Response:
        here = url.startswith((CONSOLE, "/"))
        return await (self.console if here else self.outside).get(url)

    async def sign_in(self, name: str, person: str) -> str:
        """All that somebody does at the provider; the address that the provider sends the browser back to."""
        answer = await self.get(f"{CONSOLE}/login/{name}?next=/agreements")
        while True:
            if answer.is_redirect:
                address = str(answer.url.join(answer.headers["location"]))
                if address.startswith(CONSOLE):
                    return address
                answer = await self.get(address)
                continue
            assert answer.status_code == 200, answer.text
            action = re.findall(r'action="([^"]+)" method="post"', answer.text)[0]
            prompt = re.findall(r'name="prompt" value="(\w+)"', answer.text)[0]
            form = {"prompt": prompt, **({"login": person, "password": "of-no-value"} if prompt == "login" else {})}
            answer = await self.outside.post(str(answer.url.join(action)), data=form)

    async def me(self) -> httpx.Response:
        return await self.get(f"{CONSOLE}/api/v1/me")


@dataclass(frozen=True, slots=True)
class World:
    settings: Settings
    gatekeeper: Gatekeeper
    stack: AsyncExitStack
    app: Any

    async def browser(self) -> Browser:
        console = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=CONSOLE)
        outside = httpx.AsyncClient(verify=False, trust_env=False)
        return Browser(await self.stack.enter_async_context(console), await self.stack.enter_async_context(outside))


@pytest.fixture
async def world(
    providers: dict[str, IdentityProvider], certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certs / "ca.pem"))
    settings = Settings(state_dir=tmp_path, console_url=CONSOLE)
    settings.layout.logins.mkdir()
    for name in providers:
        if PROVIDERS[name][1] != "none":
            file = settings.layout.logins / f"{name}.secret"
            file.touch(mode=0o600)
            file.write_text(SECRET)
    async with _served(settings, providers) as running:
        yield running


@asynccontextmanager
async def _served(settings: Settings, providers: dict[str, IdentityProvider]) -> AsyncIterator[World]:
    logins = {
        name: LoginRule(name, each.issuer, f"{each.issuer}/.well-known/openid-configuration", CLIENT)
        for name, each in providers.items()
    }
    policy = replace(snapshot_of(), identity=replace(identity(*providers), logins=logins))
    StandingStore(settings.layout.standing).make("of-this-world")
    async with AsyncExitStack() as stack:
        standing = await stack.enter_async_context(watched_standing(settings))
        app = application(settings, Fixed(policy), standing)
        await stack.enter_async_context(app.router.lifespan_context(app))
        yield World(settings, app.state.gatekeeper, stack, app)


@pytest.mark.parametrize("name", PROVIDERS)
async def test_people_log_in(world: World, name: str) -> None:
    browser = await world.browser()
    back = await browser.get(await browser.sign_in(name, "ada"))
    assert (back.status_code, back.headers["location"]) == (303, "/agreements")
    me = (await browser.me()).json()
    assert (me["subject"], me["issuer"], me["team"], me["roles"]) == ("ada", name, "research", ["developer"])


async def test_the_same_name_at_two_providers_is_two_people(world: World) -> None:
    browsers = [await world.browser(), await world.browser()]
    for browser, name in zip(browsers, ("company", "subsidiary"), strict=True):
        await browser.get(await browser.sign_in(name, "grace"))
    told = [(await browser.me()).json() for browser in browsers]
    assert [(each["issuer"], each["roles"]) for each in told] == [("company", ["admin"]), ("subsidiary", ["admin"])]


async def test_a_claim_that_the_provider_does_not_give(world: World) -> None:
    browser = await world.browser()
    answer = await browser.get(await browser.sign_in("subsidiary", "eve"))
    assert answer.status_code == 403
    assert "org.team" in answer.text
    assert (await browser.me()).status_code == 401


async def test_a_code_is_worth_something_once(world: World) -> None:
    browser = await world.browser()
    address = await browser.sign_in("company", "ada")
    assert (await browser.get(address)).status_code == 303
    assert (await browser.get(address)).status_code == 400


async def test_a_code_in_another_browser_is_worth_nothing(world: World) -> None:
    """Neither with the state that it came with, nor with that of the other browser's own login."""
    ada, eve = await world.browser(), await world.browser()
    stolen, own = await ada.sign_in("company", "ada"), await eve.sign_in("company", "grace")
    assert (await eve.get(stolen)).status_code == 400
    code = re.compile(r"code=[^&]+")
    mixed = code.sub(code.findall(stolen)[0], own)
    answer = await eve.get(mixed)
    assert answer.status_code == 502
    assert "invalid_grant" in answer.text
    assert (await eve.me()).status_code == 401


async def test_an_answer_of_another_provider_is_refused(world: World, providers: dict[str, IdentityProvider]) -> None:
    """Mix-up: the state of one provider's login with the issuer of another."""
    browser = await world.browser()
    address = await browser.sign_in("company", "ada")
    ours, other = (httpx.QueryParams({"iss": providers[name].issuer}) for name in ("company", "subsidiary"))
    assert str(ours) in address
    assert (await browser.get(address.replace(str(ours), str(other)))).status_code == 502


async def test_a_login_while_the_provider_changes_its_keys(
    world: World, providers: dict[str, IdentityProvider]
) -> None:
    browser = await world.browser()
    assert (await browser.get(await browser.sign_in("company", "ada"))).status_code == 303  # its keys are known now
    another = await world.browser()
    address = await another.sign_in("company", "grace")
    providers["company"].tell(keys=["second", "first"])
    assert (await another.get(address)).status_code == 303
    assert (await another.me()).json()["subject"] == "grace"


async def test_a_provider_that_cannot_give_its_keys(world: World, providers: dict[str, IdentityProvider]) -> None:
    browser = await world.browser()
    address = await browser.sign_in("archive", "ada")
    providers["archive"].tell(fails=True)
    try:
        answer = await browser.get(address)
        assert (answer.status_code, "does not answer" in answer.text) == (503, True)
    finally:
        providers["archive"].tell(fails=False)
    assert (await browser.get(await browser.sign_in("archive", "ada"))).status_code == 303


async def test_a_provider_that_is_down(world: World, providers: dict[str, IdentityProvider]) -> None:
    browser = await world.browser()
    providers["laboratory"].stop()
    try:
        answer = await browser.get(f"{CONSOLE}/login/laboratory")
        assert answer.status_code == 503
        assert "&#39;laboratory&#39; does not answer" in answer.text
        assert (await browser.get(await browser.sign_in("company", "ada"))).status_code == 303
    finally:
        providers["laboratory"].start()
    assert (await browser.get(await browser.sign_in("laboratory", "ada"))).status_code == 303


async def test_an_authority_that_is_not_trusted(
    world: World, providers: dict[str, IdentityProvider], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    async with _served(replace(world.settings, state_dir=tmp_path / "other"), providers) as distrustful:
        browser = await distrustful.browser()
        assert (await browser.get(f"{CONSOLE}/login/company")).status_code == 503


async def test_a_secret_that_the_provider_does_not_know(world: World) -> None:
    (world.settings.layout.logins / "subsidiary.secret").write_text("another")
    browser = await world.browser()
    answer = await browser.get(await browser.sign_in("subsidiary", "ada"))
    assert (answer.status_code, "invalid_client" in answer.text) == (502, True)


async def test_logging_out_leads_to_the_provider_s_own_way_out(world: World) -> None:
    browser = await world.browser()
    await browser.get(await browser.sign_in("company", "ada"))
    token = (await browser.me()).json()["csrf_token"]
    out = await browser.console.post("/logout", data={"csrf_token": token})
    (address,) = re.findall(r'href="(https://localhost[^"]+)"', out.text)
    there = await browser.get(address.replace("&amp;", "&"))
    assert there.status_code == 200
    assert "logout" in there.text
    assert (await browser.me()).status_code == 401


async def test_a_disabled_person_s_sessions_end_by_themselves(world: World) -> None:
    browser = await world.browser()
    await browser.get(await browser.sign_in("company", "ada"))
    await browser.get(await browser.sign_in("subsidiary", "grace"))
    assert [each.subject for each in world.gatekeeper.sessions.all()] == ["grace"]
    begun = time.monotonic()
    disabled = Target(Measure.DISABLED, Scope.PERSON, "grace")
    await asyncio.to_thread(orders.give, world.settings, disabled, Actor(), "left the company")
    while world.gatekeeper.sessions.all():
        assert time.monotonic() - begun < ENDED_SECONDS
        await asyncio.sleep(0.02)
    await asyncio.to_thread(orders.undo, world.settings, disabled, Actor(), "came back")
    assert (await browser.me()).status_code == 401
