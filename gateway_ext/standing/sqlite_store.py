"""Where directives are kept: one SQLite file that operators' commands write and every processor reads."""

from __future__ import annotations

import sqlite3
from dataclasses import astuple
from pathlib import Path

from gateway_ext import limits
from gateway_ext.errors import ConfigurationError
from gateway_ext.standing import sqlite_schema as sql
from gateway_ext.standing.directives import EXPIRY_MARGIN_NANO, Directive, Measure, Scope, Target
from gateway_ext.witnessed.store import Kind, WitnessedStore

MAKE = "see 'The standing store' in docs/operations.md, then run 'gateway-ext standing init'"
KIND = Kind("standing store", sql.SCHEMA_VERSION, sql.TABLES, MAKE)


class StandingStore(WitnessedStore):
    """The writing side, for operators' commands. All calls raise ConfigurationError saying what to do."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, KIND)

    def put(self, directive: Directive) -> None:
        """Have `directive` in force, in the place of one with the same target. Drops those that are over."""
        target = directive.target
        row = (
            *astuple(target), directive.actor, directive.reason, directive.since_unix_nano, directive.expires_unix_nano
        )  # fmt: skip
        with self.changing() as connection:
            connection.execute(sql.DELETE_OVER, (directive.since_unix_nano - EXPIRY_MARGIN_NANO,))
            connection.execute(sql.PUT, row)
            if connection.execute(sql.COUNT).fetchone()[0] > limits.STANDING_DIRECTIVES_MAX:
                raise ConfigurationError(
                    f"{self.path}: {limits.STANDING_DIRECTIVES_MAX} directives are in force, which is the most there can"
                    " be; undo some, and give revocations the credential's end (--expires), after which they leave"
                )

    def undo(self, target: Target) -> bool:
        """Whether there was such a directive."""
        with self.changing() as connection:
            return bool(connection.execute(sql.DELETE, astuple(target)).rowcount)

    def rename_actor(self, actor: str, new_name: str) -> int:
        """Name another as having given the orders of `actor`; how many these are. What they order stays in force."""
        with self.changing() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            return connection.execute(sql.RENAME_ACTOR, (new_name, actor)).rowcount

    def directives(self, now_unix_nano: int) -> list[Directive]:
        """All that are in force, oldest first."""
        with self.reading() as connection:
            found = load(connection)
        return [each for each in found if not each.is_over(now_unix_nano)]


def load(connection: sqlite3.Connection) -> list[Directive]:
    """All directives, oldest first. Raises sqlite3.Error, ValueError, ConfigurationError."""
    return [_directive(*row) for row in connection.execute(sql.SELECT_ALL).fetchall()]


def _directive(
    measure: str, scope: str, value: str, issuer: str, actor: str, reason: str, since: int, expires: int
) -> Directive:
    return Directive(Target(Measure(measure), Scope(scope), value, issuer), actor, reason, since, expires)
