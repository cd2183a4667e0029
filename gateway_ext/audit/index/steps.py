"""What is done with a database, step by step and without one: generators that yield steps and are sent the rows.

So both databases do the very same; a driver carries out each step. `?` stands for a parameter, as in SQLite.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from gateway_ext.audit.index.store import Place

Row: TypeAlias = Sequence[Any]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Query:
    """Is answered with its rows."""

    sql: str
    parameters: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Many:
    """One statement with many rows of parameters."""

    sql: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Insert:
    """New rows of a table. None of them is there yet."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class ReadRecords:
    """Is answered with the events that are still there, one a row."""

    places: Sequence[Place]


Step: TypeAlias = Query | Many | Insert | ReadRecords
Steps: TypeAlias = Generator[Step, Sequence[Row], Result]


def marks(values: Sequence[Any]) -> str:
    """A placeholder for each."""
    return ", ".join("?" * len(values))
