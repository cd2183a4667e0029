from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway_ext.budget.person import Renaming
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.budget.sqlite_person import SqlitePerson
from gateway_ext.budget.status import read_accounts
from gateway_ext.errors import LedgerUnavailable
from gateway_ext.sqlite_remains import remove_remains
from tests.unit.budget.person_contract import ADA, NOBODY, Balances, PersonContract, blocking, reserving
from tests.unit.budget.reservations import FixedClock, assert_books_balance


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[SqliteLedger]:
    ledger = SqliteLedger(path, FixedClock())
    await ledger.open()
    yield ledger
    await ledger.close()
    assert_books_balance(path)


@pytest.fixture
def person(path: Path) -> SqlitePerson:
    return SqlitePerson(path)


@pytest.fixture
def balances(path: Path) -> Balances:
    return lambda: {account.key: (account.held_nano, account.posted_nano) for account in read_accounts(path)}


class TestSqlitePerson(PersonContract):
    """All of the contract, and after each test the books balance."""


async def test_no_byte_of_the_name_is_left(path: Path, ledger: SqliteLedger, person: SqlitePerson) -> None:
    for number in range(300):  # over several pages
        await ledger.reserve(reserving(f"h{number}", ADA, 1, agent_run=f"run-{number}"))
    blocking(lambda: person.rename(Renaming(ADA, NOBODY, {f"key-of-{ADA}"})))
    remove_remains(path)
    everything = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert b"ada%40works" not in everything
    assert b"ada@works" not in everything


def test_without_a_ledger_nothing_is_held_and_none_is_made(path: Path, person: SqlitePerson) -> None:
    assert list(person.holds(ADA)) == list(person.accounts(ADA)) == []
    assert person.rename(Renaming(ADA, NOBODY)) == 0
    assert not path.exists()


async def test_a_ledger_in_use_is_left_as_it_is(path: Path, ledger: SqliteLedger, person: SqlitePerson) -> None:
    await ledger.reserve(reserving("h", ADA))
    with closing(sqlite3.connect(path, isolation_level=None)) as other, pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway_ext.budget.sqlite_file.BUSY_SECONDS", 0.01)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable):
            person.rename(Renaming(ADA, NOBODY))
        other.execute("ROLLBACK")
    assert [each["id"] for each in person.holds(ADA)] == ["h"]
