"""How pages are found: what leads, through which index, and that no page looks at more than it may."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index import searching
from gateway_ext.audit.index.cursors import Direction, Position
from gateway_ext.audit.index.entry import Field
from gateway_ext.audit.index.schema import INDEXED
from gateway_ext.audit.index.searching import Found, IsOver, search
from gateway_ext.audit.index.sqlite_index import SqliteIndex
from gateway_ext.audit.index.steps import Query
from tests.unit.audit.index.index_contract import ALL, ids, where
from tests.unit.audit.index.recorded import EU, US, Log, decision, event, outcome

EXCHANGES = 120
NEWEST = Position()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth exchange has a finding, every second one is served by the other provider; one is expensive."""
    path = tmp_path_factory.mktemp("index") / "audit-index.sqlite"
    events = []
    for number in range(EXCHANGES):
        classes = ["secret"] if number % 10 == 0 else []
        events.append(event(decision(f"e{number}", subject=f"user{number % 6}", classes=classes), 2 * number + 1))
        cost_nano = 10**9 if number == 7 else 1_000
        events.append(event(outcome(f"e{number}", served_by=(EU, US)[number % 2], cost_nano=cost_nano), 2 * number + 2))
    asyncio.run(Log(SqliteIndex(path)).write(*events))
    return path


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def carried_out(
    connection: sqlite3.Connection,
    wanted: Filter,
    position: Position = NEWEST,
    limit: int = 50,
    is_over: IsOver = lambda: False,
) -> tuple[Found, list[str]]:
    """What is found, and the plan of every statement on the way."""
    plans: list[str] = []
    steps, rows = search(wanted, limit, position, is_over), list[Sequence[Any]]()
    try:
        step = next(steps)
        while True:
            assert isinstance(step, Query)
            plan = connection.execute(f"EXPLAIN QUERY PLAN {step.sql}", step.parameters)
            plans.append("\n".join(row[3] for row in plan))
            rows = connection.execute(step.sql, step.parameters).fetchall()
            step = steps.send(rows)
    except StopIteration as end:
        return end.value, plans


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """As though the index were large."""
    monkeypatch.setattr(searching, "COUNTED_MAX", 5)
    monkeypatch.setattr(searching, "LOOKED_AT", (8, 16, 32))


@pytest.mark.usefixtures("few_are_many")
@pytest.mark.parametrize(
    "position",
    [NEWEST, Position(Direction.NEWER), Position(Direction.OLDER, 100, 3), Position(Direction.NEWER, 100, 3)],
)
def test_no_condition_makes_the_database_sort_or_read_all(connection: sqlite3.Connection, position: Position) -> None:
    each_alone = (Filter({kind: frozenset({"large"})}) for kind in INDEXED)
    for wanted in (ALL, *each_alone, where(**{"class": "secret"}), where(action="forward")):
        _, plans = carried_out(connection, wanted, position)
        assert plans
        for plan in plans:
            # A page sorts no more than what was looked at for it; what leads there comes in order.
            assert plan.count("TEMP B-TREE") == ("SCAN walk" in plan), wanted.asks()
            assert "SEARCH" in plan, wanted.asks()
            assert "SCAN entry" not in plan, wanted.asks()


@pytest.mark.usefixtures("few_are_many")
@pytest.mark.parametrize(
    ("wanted", "leads"),
    [
        (ALL, "entry_time (time"),
        (where(subject="user1"), "entry_subject (subject=?"),
        (where(subject="user1", provider="us"), "entry_subject (subject=?"),
        (where(model="large", **{"class": "secret"}), "entry_model (model=?"),
        (Filter(cost_nano_min=10**9), "entry_cost (cost_nano>?"),
        (Filter({Field.MODEL: frozenset({"large"})}, cost_nano_min=10**9), "entry_cost (cost_nano>?"),
        (Filter({Field.MODEL: frozenset({"large"})}, cost_nano_min=1), "entry_model (model=?"),
        (Filter({Field.MODEL: frozenset({"large"})}, since_unix_nano=2 * EXCHANGES - 3), "(model=? AND time>?"),
        (where(exchange="e3", model="large"), "entry_id (id=?"),
    ],
    ids=lambda value: value.asks() if isinstance(value, Filter) else value,
)
def test_the_rarest_condition_leads_and_else_the_most_telling(
    connection: sqlite3.Connection, wanted: Filter, leads: str
) -> None:
    _, plans = carried_out(connection, wanted, limit=1)
    assert leads in plans[-1]


@pytest.mark.usefixtures("few_are_many")
def test_a_page_that_finds_nothing_ends_where_it_has_come_to(connection: sqlite3.Connection) -> None:
    never = where(provider="eu", jurisdiction="US")
    found, _ = carried_out(connection, never)
    assert found.entries == () or list(found.entries) == []
    pages = 1
    while found.reached is not None:
        found, _ = carried_out(connection, never, found.reached)
        pages += 1
        assert not found.entries
    assert pages == (EXCHANGES // 2) // (8 + 16 + 32) + 1


@pytest.mark.usefixtures("few_are_many")
def test_a_page_whose_time_is_over_ends_after_the_next_look_and_nothing_is_passed_over(
    connection: sqlite3.Connection,
) -> None:
    wanted = where(provider="us", jurisdiction="US")
    pages: dict[bool, list[Found]] = {False: [], True: []}
    for is_over, found in pages.items():
        position: Position | None = NEWEST
        while position:
            page, _ = carried_out(connection, wanted, position, EXCHANGES, is_over=lambda is_over=is_over: is_over)  # type: ignore[misc]  # mypy sees no default
            found.append(page)
            position = page.reached
    numbers = {is_over: [number for page in found for number, _ in page.entries] for is_over, found in pages.items()}
    assert numbers[True] == numbers[False]
    assert max(len(page.entries) for page in pages[True]) <= 8, "of the first look, not of more"
    assert len(pages[True]) > len(pages[False])


def test_a_condition_that_nothing_meets_ends_the_search_at_once(connection: sqlite3.Connection) -> None:
    found, plans = carried_out(connection, where(model="large", subject="nobody"))
    assert (list(found.entries), found.reached) == ([], None)
    assert len(plans) == 1


@pytest.mark.usefixtures("few_are_many")
async def test_all_pages_together_are_all_that_answers(path: Path) -> None:
    index = SqliteIndex(path)
    expected = [f"e{number}" for number in reversed(range(EXCHANGES)) if number % 10 == 0 and number % 6 in {0, 2}]
    assert await ids(index, where(subject=["user0", "user2"], provider="eu", **{"class": "secret"})) == expected
    assert await ids(index, Filter(cost_nano_min=1_001)) == ["e7"]
    assert len(await ids(index, Filter(cost_nano_max=1_000))) == EXCHANGES - 1
