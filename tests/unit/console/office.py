"""The console's API as people of every role meet it: real stores in a directory, policy and orders as they are just now."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.segments import process_directories
from gateway_ext.clock import SystemClock
from gateway_ext.console.app import application
from gateway_ext.console.authentication import Gatekeeper
from gateway_ext.console.context import Console
from gateway_ext.console.rate import ChangeRate
from gateway_ext.identity.rules import Role, RoleRule
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.settings import Settings
from gateway_ext.standing.sqlite_store import StandingStore
from gateway_ext.standing.standing import Standing
from gateway_ext.witnessed.store import marker_path

POLICIES = Path(__file__).parents[3] / "policies"
GROUPS: Mapping[Role, str] = {role: f"console-{role}" for role in Role}
PEOPLE: Mapping[str, Role | None] = {
    "ada": Role.DEVELOPER,
    "grace": Role.ADMIN,
    "sofia": Role.SECURITY_OFFICER,
    "otto": Role.AUDITOR,
    "nobody": None,
}
_POLICY: list[Snapshot] = []


def shipped_policy() -> Snapshot:
    """The shipped one with our roles; read once, for it takes a second."""
    if not _POLICY:
        loaded = load_policy(POLICIES)
        roles = tuple(RoleRule(role, groups=frozenset({group})) for role, group in GROUPS.items())
        _POLICY.append(dataclasses.replace(loaded, identity=dataclasses.replace(loaded.identity, roles=roles)))
    return _POLICY[0]


class Office:
    """`policy` may be changed while it works."""

    def __init__(self, state: Path) -> None:
        self.settings = Settings(state_dir=state)
        self.policy = shipped_policy()
        StandingStore(self.settings.layout.standing).make("orders-of-the-tests")
        self.app = application(self.settings, self, _Orders(self.settings))
        self.allow_changes(10_000)

    def current(self) -> Snapshot:
        return self.policy

    def allow_changes(self, per_minute: int) -> None:
        rate = ChangeRate(SystemClock().monotonic_ns, per_minute)
        console: Console = self.app.state.console
        self.app.state.console = dataclasses.replace(console, rate=rate)

    def lose_orders(self) -> None:
        """The store is lost; who asks is let in all the same, so that the loss shows further inside."""
        marker_path(self.settings.layout.standing).unlink()
        gatekeeper: Gatekeeper = self.app.state.gatekeeper
        self.app.state.gatekeeper = dataclasses.replace(gatekeeper, standing=_NoOrders(self.settings))

    def client(self, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
        """Of somebody who has proved nothing but what `headers` say."""
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url=self.settings.console_url, headers=headers)

    def as_(self, name: str) -> httpx.AsyncClient:
        """With a token of the company's identity provider, as Envoy hands its claims on."""
        return self.client(bearer(name))

    def recorded(self) -> list[Event]:
        spools = process_directories(self.settings.layout.spool)
        return [event for directory in spools for event in last_events(directory, 1_000)]


class _Orders:
    def __init__(self, settings: Settings) -> None:
        self._store = StandingStore(settings.layout.standing)

    def current(self) -> Standing:
        now = SystemClock().now_unix_nano()
        return Standing.of(self._store.directives(now), now)

    def changed(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()


class _NoOrders(_Orders):
    def current(self) -> Standing:
        return Standing()


def claims_of(name: str, groups: Iterable[str] = ()) -> dict[str, Any]:
    role = PEOPLE.get(name)
    own = [] if role is None else [GROUPS[role]]
    return {"sub": name, "team": "demo", "groups": [*own, *groups], "email": f"{name}@example.eu"}


def bearer(name: str, **changed: Any) -> dict[str, str]:
    claims = json.dumps({**claims_of(name), **changed}).encode()
    return {"x-gateway-claims-company": base64.urlsafe_b64encode(claims).rstrip(b"=").decode()}
