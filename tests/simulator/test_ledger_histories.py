"""A hundred thousand short histories of the ledger, a part of them of processors with leases, keep every invariant, and every invariant can be broken."""

from __future__ import annotations

import secrets

import pytest

from tests.servers.postgres import running_postgres
from tests.simulator.books import SqliteBooks
from tests.simulator.history import History
from tests.simulator.invariants import INVARIANTS, LEASE_INVARIANTS, ViolationError
from tests.simulator.lease_history import LeaseHistory
from tests.simulator.lease_mutants import LEASE_MUTANTS
from tests.simulator.mutants import MUTANTS, Mutation
from tests.simulator.postgres_books import PostgresBooks
from tests.simulator.run import violations

HISTORIES = 100_000
HISTORIES_ON_POSTGRESQL = 200
HISTORIES_OF_A_MUTANT = 1_000


@pytest.mark.timeout(1_200)
def test_every_history_keeps_every_invariant() -> None:
    found = next(violations(secrets.randbits(40), HISTORIES, workers=2), "")
    assert not found, found


@pytest.mark.parametrize(
    ("name", "mutate"),
    [pytest.param(*each, id=f"{n}-{each[0]}") for n, each in enumerate([*MUTANTS, *LEASE_MUTANTS])],
)
def test_a_broken_ledger_is_caught(name: str, mutate: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch)
    books = SqliteBooks()
    caught: set[str] = set()
    for seed in range(HISTORIES_OF_A_MUTANT):
        try:
            (LeaseHistory if name in LEASE_INVARIANTS else History)(books, seed).run()
        except ViolationError as violation:
            caught |= violation.names
            if name in caught:
                return
    pytest.fail(f"not caught as '{name}', but as {caught}")


def test_every_invariant_has_a_mutant() -> None:
    assert {name for name, _ in [*MUTANTS, *LEASE_MUTANTS]} == {*INVARIANTS, *LEASE_INVARIANTS}


@pytest.mark.parametrize("kind", [History, LeaseHistory])
def test_a_history_can_be_played_again(kind: type[History | LeaseHistory]) -> None:
    logs = []
    for _ in range(2):
        history = kind(SqliteBooks(), 4711)
        history.run()
        logs.append(history.log())
    assert logs[0] == logs[1]
    assert logs[0]


def test_postgresql_keeps_every_invariant() -> None:
    """Fewer of them: each step is a round trip."""
    with running_postgres() as server:
        books = PostgresBooks(server.url, "histories")
        first_seed = secrets.randbits(40)
        for seed in range(first_seed, first_seed + HISTORIES_ON_POSTGRESQL):
            History(books, seed).run()
        books.close()
