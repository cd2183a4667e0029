"""The contract on a real PostgreSQL, and a server that dies and comes back."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING

import asyncpg
import pytest

from benchmarks.audit.search import fill_postgres, questions
from gateway_ext.audit.index.cursors import Position
from gateway_ext.audit.index.postgres_index import PostgresIndex, _numbered
from gateway_ext.audit.index.steps import Query, Row, Step
from gateway_ext.audit.index.store import IndexDamagedError, IndexUnavailableError, Read
from gateway_ext.errors import ConfigurationError
from tests.servers.postgres import Postgres, running_postgres
from tests.unit.audit.index.index_contract import ALL, IndexContract, ids
from tests.unit.audit.index.recorded import Log, decision, event

if TYPE_CHECKING:
    from gateway_ext.audit.index.postgres_index import Session

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
async def index(server: Postgres) -> AsyncIterator[PostgresIndex]:
    index = PostgresIndex(server.url, schema=f"index_{next(_numbers)}")
    yield index
    await index.close()


class TestPostgresIndex(IndexContract):
    pass


class ExplainedIndex(PostgresIndex):
    """Notes the plan of every statement."""

    def __init__(self, url: str, schema: str) -> None:
        super().__init__(url, schema=schema)
        self.plans: list[str] = []

    async def _rows(self, session: Session, step: Step, read: Read | None) -> Sequence[Row]:
        if isinstance(step, Query):
            plan = await session.fetch(f"EXPLAIN {_numbered(step.sql)}", *step.parameters)
            self.plans.append("\n".join(row[0] for row in plan))
        return await super()._rows(session, step, read)


async def test_no_condition_makes_the_server_read_a_table(server: Postgres) -> None:
    await fill_postgres(server.url, "explained", 6_000)
    index = ExplainedIndex(server.url, "explained")
    for kind, ask in questions(6_000).items():
        wanted = ask(random.Random(kind))
        index.plans.clear()
        await index.search(wanted, 10, Position())
        searches = index.plans[:-1]  # the last one reads the generation, of which there is one
        assert searches
        assert [plan for plan in searches if "Seq Scan on entry" in plan or "Seq Scan on mark" in plan] == [], kind
    await index.close()


async def test_tables_of_another_version_are_begun_anew(server: Postgres, index: PostgresIndex) -> None:
    await index.generation()
    schema = f"index_{next(_numbers) - 1}"
    connection = await asyncpg.connect(server.url)
    await connection.execute(f"UPDATE {schema}.generation SET version = 99")
    other = PostgresIndex(server.url, schema=schema)
    with pytest.raises(IndexDamagedError, match="version 99"):
        await other.generation()
    await other.clear()
    assert await ids(other, ALL) == []
    await connection.execute(f"DROP TABLE {schema}.entry")
    with pytest.raises(IndexDamagedError, match="lost tables"):
        await ids(other, ALL)
    await other.clear()
    assert await ids(other, ALL) == []
    await other.close()
    await connection.close()


async def test_a_server_that_was_away_is_found_again(server: Postgres, index: PostgresIndex) -> None:
    log = Log(index)
    await log.write(event(decision("e1"), 1))
    server.kill()
    with pytest.raises(IndexUnavailableError) as refused:
        await index.generation()
    assert "postgres@" not in str(refused.value)
    server.start()
    assert await ids(index, ALL) == ["e1"]


def test_a_password_in_the_address_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="audit_index_url holds a password") as refused:
        PostgresIndex("postgresql://ada:hunter2@localhost/audit")
    assert "hunter2" not in str(refused.value)
