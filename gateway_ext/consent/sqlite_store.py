"""Where it is kept who has accepted what: one SQLite file that people's acts write and every processor reads."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.consent import sqlite_schema as sql
from gateway_ext.consent.acceptance import Acceptance, Key
from gateway_ext.consent.rules import Party, PartyKind
from gateway_ext.witnessed.store import Kind, WitnessedStore

MAKE = "see 'When the store is lost' in docs/agreements.md, then run 'gateway-ext agreements init'"
KIND = Kind("agreements store", sql.SCHEMA_VERSION, sql.TABLES, MAKE)
_FIRST: Key = ("", "", "")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which acceptances are asked for; what is empty or None does not matter."""

    agreement: str = ""
    kind: PartyKind | None = None
    name: str = ""  # of the party
    is_withdrawn: bool | None = None


ALL = Wanted()


class AgreementsStore(WitnessedStore):
    """The writing side, and the lists. All calls raise ConfigurationError saying what to do."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, KIND)

    def put(self, acceptance: Acceptance) -> None:
        """Keep what a party says to an agreement, in the place of what it said before."""
        with self.changing() as connection:
            connection.execute(sql.PUT, _row(acceptance))

    def forget(self, person: str, actor: str) -> int:
        """Delete what `person` has accepted, and name them `actor` where they did it for others; how many these were."""
        with self.changing() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            deleted = connection.execute(sql.DELETE_OF, (person,)).rowcount
            return deleted + connection.execute(sql.RENAME_ACTOR, (actor, person)).rowcount

    def find(self, party: Party, agreement: str) -> Acceptance | None:
        """What `party` has said last."""
        with self.reading() as connection:
            row = connection.execute(sql.SELECT_ONE, (str(party.kind), party.name, agreement)).fetchone()
        return None if row is None else _acceptance(*row)

    def page(self, wanted: Wanted, after: Key | None, limit: int) -> list[Acceptance]:
        """Up to `limit` acceptances beyond `after`, in the order of their keys."""
        kind, party, agreement = after or _FIRST
        values = {
            "after_kind": kind,
            "after_party": party,
            "after_agreement": agreement,
            "kind": str(wanted.kind or ""),
            "party": wanted.name,
            "agreement": wanted.agreement,
            "is_withdrawn": wanted.is_withdrawn,
            "limit": limit,
        }
        with self.reading() as connection:
            return [_acceptance(*row) for row in connection.execute(sql.SELECT_PAGE, values)]


def accepted_by(connection: sqlite3.Connection, party: Party) -> frozenset[tuple[str, str]]:
    """Names and versions of what `party` has accepted and not withdrawn. Raises sqlite3.Error."""
    return frozenset(connection.execute(sql.SELECT_ACCEPTED, (str(party.kind), party.name)))


def _row(acceptance: Acceptance) -> tuple[str | int, ...]:
    return (
        str(acceptance.party.kind),
        acceptance.party.name,
        acceptance.agreement,
        acceptance.version,
        int(acceptance.is_withdrawn),
        acceptance.since_unix_nano,
        acceptance.actor,
        acceptance.actor_issuer,
        acceptance.reason,
        acceptance.shown_sha256,
    )


def _acceptance(
    kind: str,
    party: str,
    agreement: str,
    version: str,
    is_withdrawn: int,
    since_unix_nano: int,
    actor: str,
    actor_issuer: str,
    reason: str,
    shown_sha256: str,
) -> Acceptance:
    return Acceptance(
        party=Party(PartyKind(kind), party),
        agreement=agreement,
        version=version,
        is_withdrawn=bool(is_withdrawn),
        since_unix_nano=since_unix_nano,
        actor=actor,
        actor_issuer=actor_issuer,
        reason=reason,
        shown_sha256=shown_sha256,
    )
