"""The whole gateway on one machine: where it listens, and what has to lie in its state directory."""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from gateway_ext.audit.retention.hold_store import HoldStore
from gateway_ext.audit.rules import Principals
from gateway_ext.clock import SystemClock
from gateway_ext.consent.sqlite_store import AgreementsStore
from gateway_ext.envoyconf import static
from gateway_ext.errors import ConfigurationError
from gateway_ext.identity.rules import LoginRule
from gateway_ext.local.certificates import ensure_certificates
from gateway_ext.local.free_ports import Port, require_free
from gateway_ext.local.identity_provider.people import ensure_people
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.private_files import PRIVATE, make_private_directory, write_whole
from gateway_ext.routing.rules import Provider
from gateway_ext.settings import Settings
from gateway_ext.standing.sqlite_store import MAKE, StandingStore
from gateway_ext.subjects.sqlite_store import SubjectsStore

LOOPBACK = static.LOOPBACK
SOCKET_PATH_BYTES_MAX = 107  # sockaddr_un(7), less the final zero
# Envoy is stopped first, so nothing is in flight when the processors stop: only the last settlements.
DRAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Where things listen. `mapped` replaces ports of envoy.yaml."""

    gateway: int = 8080
    simulator: int = 18081
    otlp: int = 4317
    console: int = 8088
    identity_provider: int = 18090
    mapped: Mapping[int, int] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OneMachine:
    """One installation. `settings` is what all its processes read; `simulated` are the providers we play ourselves."""

    settings: Settings
    snapshot: Snapshot
    ports: Ports
    envoy: Mapping[str, Any]  # Envoy's configuration
    simulated: tuple[Provider, ...]
    login: LoginRule | None  # for which we play the identity provider ourselves
    has_own_sink: bool

    @property
    def listeners(self) -> dict[str, int]:
        """Ports of Envoy by the listener's name, the admin interface included as 'admin'."""
        listeners = self.envoy["static_resources"]["listeners"]
        named = {each["name"]: each for each in listeners if "socket_address" in each["address"]}
        named |= {"admin": self.envoy["admin"]} if "admin" in self.envoy else {}
        return {name: each["address"]["socket_address"]["port_value"] for name, each in named.items()}

    @property
    def audit_file(self) -> Path:
        return self.settings.state_dir / "otlp" / "logs.jsonl"

    @property
    def traces_file(self) -> Path:
        return self.settings.state_dir / "otlp" / "traces.jsonl"

    @property
    def settings_file(self) -> Path:
        return self.settings.state_dir / "settings.yaml"

    def keyless_providers(self) -> list[Provider]:
        """Providers whose key nobody has put into the secrets directory yet."""
        providers = self.snapshot.routing.providers.values()
        return [each for each in providers if each.credential and not self.key_file(each).exists()]

    def prepare(self) -> LocalIssuer:
        """Check that all ports are free, then make what is missing in the state directory. Raises ConfigurationError."""
        require_free(LOOPBACK, self._ports())
        state, layout = self.settings.state_dir, self.settings.layout
        _require_short(layout.processor_socket(self.settings.processor_count - 1))
        for directory in (state, layout.secrets, layout.spool, layout.processor_socket(0).parent):
            make_private_directory(directory)
        self._prepare_standing()
        self._prepare_agreements()
        self._prepare_subjects()
        ensure_certificates(layout.certs, SystemClock().now_unix_nano())
        for provider in self.simulated:
            if provider.credential and not self.key_file(provider).exists():
                write_whole(self.key_file(provider), f"sk-{secrets.token_urlsafe(24)}".encode(), PRIVATE)
        if self.login is not None:
            ensure_people(layout.people)
        document = {key: _plain(value) for key, value in dataclasses.asdict(self.settings).items()}
        write_whole(self.settings_file, yaml.safe_dump(document, sort_keys=False).encode(), PRIVATE)
        write_whole(state / "envoy.yaml", static.dump(self.envoy).encode(), PRIVATE)
        # The control process writes these anew; Envoy must not start with those of another policy.
        shutil.rmtree(layout.xds, ignore_errors=True)
        return LocalIssuer.create(layout)

    def _prepare_standing(self) -> None:
        """Begin the stores of orders and of legal holds with a new state directory; never in the place of lost ones."""
        layout = self.settings.layout
        store = StandingStore(layout.standing)
        was_used = layout.ledger.exists() or self.settings_file.exists()  # a ledger may be elsewhere
        if not store.exists() and not was_used:
            store.make(SystemClock().new_id())
            HoldStore(layout.holds).make(SystemClock().new_id())
        elif not layout.standing.exists():
            raise ConfigurationError(f"{layout.standing}: the standing store is missing; {MAKE}")

    def _prepare_agreements(self) -> None:
        """Begin the store of acceptances where there never was one: an empty one grants nothing."""
        store = AgreementsStore(self.settings.layout.agreements)
        if not store.exists():
            store.make(SystemClock().new_id())

    def _prepare_subjects(self) -> None:
        """Begin the store of pseudonyms before several processes ask it at the same moment."""
        if self.snapshot.audit.principals is Principals.PSEUDONYMOUS:
            SubjectsStore(self.settings.layout.subjects).begin()

    def key_file(self, provider: Provider) -> Path:
        """Where Envoy reads the provider's key."""
        return self.settings.layout.secrets / provider.credential

    def _ports(self) -> Iterable[Port]:
        for name, number in self.listeners.items():
            if name == static.LOOPBACK_LISTENER:
                yield Port(number, "the gateway", "--port")
            elif name == static.CONSOLE_LOOPBACK_LISTENER:
                yield Port(number, "the console", "--console-port")
            else:
                yield Port(number, f"Envoy's '{name}'", f"--map-port {self._written(number)}=OTHER")
        if self.has_own_sink:
            yield Port(self.ports.otlp, "the OTLP sink", "--otlp-port")
        if self.simulated:
            yield Port(self.ports.simulator, "the simulated provider", "--simulator-port (and providers.yaml)")
        if self.login is not None:
            remedy = "--identity-provider-port (and identity.yaml)"
            yield Port(self.ports.identity_provider, "the local identity provider", remedy)

    def _written(self, number: int) -> int:
        """The port as it stands in envoy.yaml."""
        return next((before for before, after in self.ports.mapped.items() if after == number), number)


def plan(settings: Settings, snapshot: Snapshot, ports: Ports, with_simulator: bool = True) -> OneMachine:
    """Fit settings and envoy.yaml to one machine: everything on the loopback address. Raises ConfigurationError."""
    has_own_sink = (settings.otlp_endpoint, settings.otlp_protocol) == (
        Settings().otlp_endpoint,
        Settings().otlp_protocol,
    )
    if has_own_sink:
        settings = dataclasses.replace(settings, otlp_endpoint=f"http://{LOOPBACK}:{ports.otlp}")
    if settings.console_url == Settings().console_url:
        settings = dataclasses.replace(settings, console_url=f"http://{LOOPBACK}:{ports.console}")
    if settings.gateway_url == Settings().gateway_url:
        settings = dataclasses.replace(settings, gateway_url=f"http://{LOOPBACK}:{ports.gateway}/v1")
    if settings.gateway_url == Settings().gateway_url:
        settings = dataclasses.replace(settings, gateway_url=f"http://{LOOPBACK}:{ports.gateway}/v1")
    envoy = static.instantiate(
        settings.envoy_config,
        ports=ports.mapped,
        loopback_port=ports.gateway,
        console_port=ports.console,
        bind_address=LOOPBACK,
    )
    admin = envoy.get("admin", {}).get("address", {}).get("socket_address", {})
    settings = dataclasses.replace(
        settings,
        drain_seconds=min(settings.drain_seconds, DRAIN_SECONDS),
        envoy_admin=f"http://{LOOPBACK}:{admin['port_value']}" if admin else "",
    )
    return OneMachine(
        settings=settings,
        snapshot=snapshot,
        ports=ports,
        envoy=envoy,
        simulated=tuple(_simulated(snapshot, ports.simulator)) if with_simulator else (),
        login=next(_local_logins(snapshot, ports.identity_provider), None),
        has_own_sink=has_own_sink,
    )


def _simulated(snapshot: Snapshot, port: int) -> Iterable[Provider]:
    """Providers that policy expects on this machine's simulator port."""
    for provider in snapshot.routing.providers.values():
        if provider.host in (LOOPBACK, "localhost") and (provider.scheme, provider.port) == ("http", port):
            yield provider


def _local_logins(snapshot: Snapshot, port: int) -> Iterator[LoginRule]:
    """Logins for which policy expects an identity provider on this machine's port."""
    for login in snapshot.identity.logins.values():
        address = urlsplit(login.discovery_url)
        if (address.scheme, address.hostname, address.port) == ("http", LOOPBACK, port):
            yield login


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path | StrEnum) else value


def _require_short(socket: Path) -> None:
    if len(os.fsencode(socket)) > SOCKET_PATH_BYTES_MAX:
        raise ConfigurationError(
            f"{socket}: too long for a Unix socket ({SOCKET_PATH_BYTES_MAX} bytes); use a shorter --state"
        )
