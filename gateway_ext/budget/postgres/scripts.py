"""The SQL of a version, statement by statement: what a migration runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_MIGRATIONS = Path(__file__).parent / "migrations"


def statements(version: str) -> Iterator[str]:
    """Those of `version`.sql, which blank lines keep apart; none of them has any within."""
    for statement in (_MIGRATIONS / f"{version}.sql").read_text(encoding="utf-8").split("\n\n"):
        if not all(line.startswith("--") for line in statement.splitlines()):
            yield statement
