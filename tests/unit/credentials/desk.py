"""A life cycle in a directory of its own, with a clock that is set and a revoker that remembers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway_ext.credentials.credential import ISSUERS, Binding, Credential, Owner
from gateway_ext.credentials.key_files import FileSigner, KeyFiles
from gateway_ext.credentials.life_cycle import LifeCycle
from gateway_ext.credentials.minting import Asked
from gateway_ext.credentials.rules import Bounds
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass

NOW_UNIX = 1_800_000_000
BOUNDS = Bounds(days_max=30, days_default=7, per_subject_max=2, currency="EUR")
ANNA = Owner(subject="anna@example.com", team="engines", groups=("llm-users",))
BATCH = Owner(subject="batch", team="platform", application="batch")
URI = "spiffe://example/batch"


@dataclass
class SetClock:
    unix: int = NOW_UNIX
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def now_unix_nano(self) -> int:
        return self.unix * 1_000_000_000

    def new_id(self) -> str:
        return f"{next(self.ids):032x}"[::-1]  # the beginnings differ


@dataclass
class Remembering:
    revoked: dict[str, int] = field(default_factory=dict)
    is_away: bool = False

    def revoke(self, credential_id: str, expires_unix: int) -> None:
        if self.is_away:
            raise ConfigurationError("the standing store is away")
        self.revoked[credential_id] = expires_unix


@dataclass
class Notes:
    minted_for: list[tuple[str, str]] = field(default_factory=list)  # id, predecessor
    is_full: bool = False

    def minted(self, credential: Credential, predecessor: str) -> None:
        if self.is_full:
            raise ConfigurationError("the disk is full")
        self.minted_for.append((credential.id, predecessor))


class Desk:
    def __init__(self, root: Path) -> None:
        self.clock, self.revoker, self.notes = SetClock(), Remembering(), Notes()
        self.keys = KeyFiles(root / "issuers", root / "jwks")
        self.path = root / "credentials.sqlite"
        self.store = SqliteCredentials(self.path)
        self.life = LifeCycle(self.store, self.revoker, self.notes, self.signer, self.clock)

    def signer(self, credential_class: CredentialClass) -> FileSigner:
        name = ISSUERS[credential_class].name
        self.keys.ensure(name, self.clock.unix)
        return self.keys.signer(name, self.clock.unix)


def personal(name: str = "laptop", **more: object) -> Asked:
    return Asked(CredentialClass.PERSONAL, name, **({"owner": ANNA} | more))  # type: ignore[arg-type]  # any field


def service(**more: object) -> Asked:
    wanted: dict[str, object] = {"owner": BATCH, "binding": Binding(uri=URI)}
    return Asked(CredentialClass.SERVICE, "batch", **(wanted | more))  # type: ignore[arg-type]  # any field
