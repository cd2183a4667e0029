"""A console whose identity providers are in the same process and can misbehave, and a browser in front of it."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from gateway_ext.audit.reading import last_events
from gateway_ext.audit.segments import process_directories
from gateway_ext.clock import SystemClock
from gateway_ext.console.app import application
from gateway_ext.console.authentication import Gatekeeper
from gateway_ext.console.login_state import LoginsUnderWay
from gateway_ext.console.providers import Providers
from gateway_ext.console.relying_party import RelyingParty
from gateway_ext.errors import StandingUnavailable
from gateway_ext.exchange import CredentialClass, Interface
from gateway_ext.identity.rules import IdentityRules, IssuerRule, LoginRule, Role, RoleRule
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.settings import Settings
from gateway_ext.standing.sqlite_store import StandingStore
from gateway_ext.standing.standing import Standing
from tests.envoy.snapshots import snapshot_of

CONSOLE = "https://console.test"
CLIENT = "gateway-ext"
CLAIMS = {"subject": "sub", "team": "org.team", "groups": "groups", "email": "email"}
ADA = {"sub": "ada", "org": {"team": "research"}, "groups": ["llm-users"], "email": "ada@example.eu"}
Key = RSAKey | ECKey | OKPKey | OctKey


@dataclass
class FakeProvider:
    """An OpenID provider. Its fields are what it does next; `claims` are of the one who is logged in there."""

    name: str
    claims: dict[str, Any] = field(default_factory=lambda: dict(ADA))
    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "first", "use": "sig"}))
    algorithm: str = "ES256"
    published: list[Key] | None = None  # None: its key
    metadata: dict[str, Any] = field(default_factory=dict)  # that differ from the usual
    id_token: dict[str, Any] = field(default_factory=dict)  # that differ from the usual; None removes
    userinfo: dict[str, Any] | None = None
    secret: str = ""
    is_down: bool = False
    make_token: Callable[[dict[str, Any]], str] | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://{self.name}.test"

    @property
    def login(self) -> LoginRule:
        return LoginRule(self.name, self.url, f"{self.url}/.well-known/openid-configuration", CLIENT)

    def authorize(self, url: str) -> str:
        """Somebody logs in, and is sent back to this address."""
        query = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert query["redirect_uri"] == f"{CONSOLE}/login/callback"
        code = f"code-{self.name}-{len(self.codes)}"
        self.codes[code] = query
        return f"{query['redirect_uri']}?code={code}&state={query['state']}&iss={self.url}"

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.is_down:
            raise httpx.ConnectError("nobody there")
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json=self._metadata())
            case "/jwks":
                keys = self.published if self.published is not None else [self.key]
                return httpx.Response(200, json=KeySet(keys).as_dict(private=False))
            case "/token":
                return self._tokens(request)
            case "/userinfo":
                assert request.headers["authorization"] == "Bearer access"
                return httpx.Response(200, json=self.userinfo)
        return httpx.Response(404)

    def _metadata(self) -> dict[str, Any]:
        usual = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "end_session_endpoint": f"{self.url}/end",
            "authorization_response_iss_parameter_supported": True,
            **({} if self.userinfo is None else {"userinfo_endpoint": f"{self.url}/userinfo"}),
        }
        return {name: value for name, value in {**usual, **self.metadata}.items() if value is not None}

    def _tokens(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        asked = self.codes.pop(form["code"], None)
        if asked is None or create_s256_code_challenge(form["code_verifier"]) != asked["code_challenge"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        if self.secret not in ("", form.get("client_secret")) and not request.headers.get("authorization"):
            return httpx.Response(401, json={"error": "invalid_client"})
        now = SystemClock().now_unix_nano() // 1_000_000_000
        usual = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.claims}
        claims = {name: value for name, value in {**usual, **self.id_token}.items() if value is not None}
        token = self.make_token(claims) if self.make_token else self.signed(claims)
        return httpx.Response(200, json={"access_token": "access", "token_type": "Bearer", "id_token": token})

    def signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": self.algorithm, "kid": self.key.kid}
        return jwt.encode(header, claims, self.key, algorithms=[self.algorithm])


@dataclass
class World:
    """`policy`, `standing` and the providers can be changed under the running console."""

    settings: Settings
    providers: dict[str, FakeProvider]
    policy: Snapshot
    standing: Standing | None = field(default_factory=Standing)  # None: nobody knows
    app: FastAPI = field(default_factory=FastAPI)
    now_unix_nano: int = field(default_factory=lambda: SystemClock().now_unix_nano())

    @property
    def gatekeeper(self) -> Gatekeeper:
        gatekeeper: Gatekeeper = self.app.state.gatekeeper
        return gatekeeper

    def change_policy(self, **fields: Any) -> None:
        self.policy = dataclasses.replace(self.policy, identity=dataclasses.replace(self.policy.identity, **fields))

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=CONSOLE)

    async def begin(self, browser: httpx.AsyncClient, name: str = "company", next_path: str = "/") -> str:
        """Off to the provider; the address to come back to."""
        gone = await browser.get(f"/login/{name}", params={"next": next_path})
        assert gone.status_code == 303, gone.text
        return self.providers[name].authorize(gone.headers["location"])

    async def log_in(self, browser: httpx.AsyncClient, name: str = "company", next_path: str = "/") -> httpx.Response:
        return await browser.get(await self.begin(browser, name, next_path))

    def recorded(self) -> list[tuple[str, str, str]]:
        return [
            (event.name, event.order.actor, event.order.reason)
            for directory in process_directories(self.settings.layout.spool)
            for event in last_events(directory, 100)
        ]


@dataclass
class _Sources:
    """The policy and the orders of a world at each moment."""

    world: World

    def current(self) -> Any:
        return self.world.policy


class _Standing(_Sources):
    def current(self) -> Standing:
        if self.world.standing is None:
            raise StandingUnavailable
        return self.world.standing

    def changed(self) -> Any:
        raise NotImplementedError


def identity(*names: str) -> IdentityRules:
    issuers = {
        name: IssuerRule(
            name, CredentialClass.SSO, "person", frozenset({Interface.PUBLIC}), CLAIMS, frozenset({"subject", "team"})
        )
        for name in names
    }
    personal = IssuerRule("personal", CredentialClass.PERSONAL, "person", frozenset({Interface.PUBLIC}), CLAIMS)
    roles = (
        RoleRule(Role.DEVELOPER, groups=frozenset({"llm-users"})),
        RoleRule(Role.ADMIN, groups=frozenset({"llm-admins"})),
    )
    logins = {name: FakeProvider(name).login for name in names}
    return IdentityRules({**issuers, "personal": personal}, (), roles=roles, logins=logins)


async def _streamed(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 1_000):
        yield content[at : at + 1_000]


@asynccontextmanager
async def world_of(state: Path, *names: str, console_url: str = CONSOLE) -> AsyncIterator[World]:
    providers = {name: FakeProvider(name) for name in names}
    policy = dataclasses.replace(snapshot_of(), identity=identity(*names))
    world = World(Settings(state_dir=state, console_url=console_url), providers, policy)
    StandingStore(world.settings.layout.standing).make("of-this-world")
    world.app = application(world.settings, _Sources(world), _Standing(world))

    def answer(request: httpx.Request) -> httpx.Response:
        whole = providers[request.url.host.removesuffix(".test")].answer(request)
        return httpx.Response(whole.status_code, content=_streamed(whole.content))

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        asked = Providers(client, world.settings.layout.logins, SystemClock().monotonic_ns)
        sessions = dataclasses.replace(world.gatekeeper.sessions, now_unix_nano=lambda: world.now_unix_nano)
        world.app.state.gatekeeper = dataclasses.replace(world.gatekeeper, sessions=sessions)
        under_way = LoginsUnderWay(sessions.store, lambda: world.now_unix_nano)
        world.app.state.relying_party = RelyingParty(world.gatekeeper, asked, under_way)
        yield world


def form_token(page: str) -> str:
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]
