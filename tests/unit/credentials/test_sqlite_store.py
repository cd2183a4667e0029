"""What is kept about credentials, and that what an older program has kept is still known."""

from __future__ import annotations

import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from gateway_ext.credentials import sqlite_schema as sql
from gateway_ext.credentials.credential import Binding, Credential, Owner
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialBudget, CredentialClass
from tests.unit.credentials.desk import BOUNDS, NOW_UNIX, Desk, personal, service

VERSION_1 = """
CREATE TABLE credential (
  id TEXT PRIMARY KEY NOT NULL,
  class TEXT NOT NULL CHECK (class IN ('personal', 'service')),
  name TEXT NOT NULL,
  purpose TEXT NOT NULL,
  subject TEXT NOT NULL,
  owner TEXT NOT NULL,
  created_unix INTEGER NOT NULL,
  expires_unix INTEGER NOT NULL CHECK (expires_unix > created_unix),
  models TEXT,
  binding TEXT NOT NULL,
  rotated_unix INTEGER NOT NULL DEFAULT 0,
  successor TEXT NOT NULL DEFAULT '',
  revoke_at_unix INTEGER NOT NULL DEFAULT 0,
  revoked_unix INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO credential VALUES (
  'a1', 'personal', 'laptop', 'editor', 'anna',
  '{"subject": "anna", "team": "engines", "groups": ["g"], "project": "", "application": "", "environment": ""}',
  1800000000, 1800086400, '["assistant"]', '{"uri": "", "thumbprint": ""}', 1800000001, '', 0, 0);
INSERT INTO credential VALUES (
  'b2', 'service', 'batch', '', 'batch',
  '{"subject": "batch", "team": "platform", "groups": [], "project": "p", "application": "a", "environment": "e"}',
  1800000002, 1800086402, NULL, '{"uri": "spiffe://a", "thumbprint": "t"}', 0, 'c3', 1800000009, 1800000010);
PRAGMA user_version = 1;
"""
KEPT_BY_VERSION_1 = [
    Credential(
        "a1",
        CredentialClass.PERSONAL,
        "laptop",
        "editor",
        Owner("anna", "engines", ("g",)),
        1_800_000_000,
        1_800_086_400,
        ("assistant",),
        rotated_unix=1_800_000_001,
    ),
    Credential(
        "b2",
        CredentialClass.SERVICE,
        "batch",
        "",
        Owner("batch", "platform", (), "p", "a", "e"),
        1_800_000_002,
        1_800_086_402,
        binding=Binding("spiffe://a", "t"),
        successor="c3",
        revoke_at_unix=1_800_000_009,
        revoked_unix=1_800_000_010,
    ),
]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store as the program before wrote it, with what was minted then."""
    path = tmp_path / "credentials.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(VERSION_1)
    return path


def test_what_version_1_has_kept_is_known(old: Path) -> None:
    store = SqliteCredentials(old)
    assert store.all() == KEPT_BY_VERSION_1
    assert store.all() == KEPT_BY_VERSION_1  # once more: it is one of this version now
    store.mark_revoked("a1", 1_800_000_020)
    assert [each.revoked_unix for each in store.all()] == [1_800_000_020, 1_800_000_010]


def test_a_store_brought_up_to_date_takes_budgets(tmp_path: Path, old: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.path == old
    desk.clock.unix += 10
    minted, _ = desk.life.mint(personal(budget_nano=7), BOUNDS)
    assert desk.store.all() == [*KEPT_BY_VERSION_1, minted]


def test_two_programs_may_bring_it_up_to_date_at_a_time(old: Path) -> None:
    found: list[list[Credential]] = []
    threads = [threading.Thread(target=lambda: found.append(SqliteCredentials(old).all())) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [KEPT_BY_VERSION_1] * 8


@pytest.mark.parametrize("version", [6, -1])
def test_a_store_of_another_version_is_left_alone(old: Path, version: int) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(ConfigurationError, match=f"version {version}, this program knows 5"):
        SqliteCredentials(old).all()


def test_what_is_minted_comes_back_as_it_was(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    owner = Owner("anna", "engines", ("a", "b"), "p", "app", "env", "anna@example.com", "4711")
    minted, _ = desk.life.mint(personal(owner=owner, budget_nano=2**53 + 1, models=("m",)), BOUNDS)
    assert desk.store.get(minted.id) == minted
    assert minted.budget == CredentialBudget(minted.id, "EUR", 2**53 + 1)
    assert minted.owner == owner


def test_credentials_of_one_owner_and_the_one_of_an_id(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.store.of(CredentialClass.PERSONAL, "anna") == []
    assert desk.store.get("a") is None
    assert not desk.path.exists()
    namesake = Owner("batch", "engines")
    first, _ = desk.life.mint(personal(owner=namesake), BOUNDS)
    desk.clock.unix = NOW_UNIX + 1
    second, _ = desk.life.mint(personal(owner=namesake), BOUNDS)
    robot, _ = desk.life.mint(service(), BOUNDS)
    assert desk.store.of(CredentialClass.PERSONAL, "batch") == [first, second]
    assert desk.store.of(CredentialClass.SERVICE, "batch") == [robot]
    assert desk.store.of(CredentialClass.PERSONAL, "BATCH") == desk.store.of(CredentialClass.PERSONAL, "%") == []
    assert desk.store.get(robot.id) == robot
    for other in (robot.id[:-1], robot.id.upper() + " ", "%", ""):
        assert desk.store.get(other) is None


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (sql.COUNT_LIVE, "credential_of"),
        (sql.SELECT_OF, "credential_of"),
        (sql.SELECT_DUE, "credential_retiring"),
        (sql.SELECT_PAGE, "credential_by_age"),
    ],
)
def test_what_is_asked_again_and_again_does_not_read_all_that_was_ever_minted(
    old: Path, statement: str, index: str
) -> None:
    SqliteCredentials(old).all()  # brings it up to date
    values: dict[str, None] | list[None] = (
        dict.fromkeys(re.findall(r":(\w+)", statement)) if ":" in statement else [None] * statement.count("?")
    )
    with closing(sqlite3.connect(old)) as connection:
        plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values))
    assert plan.startswith("SEARCH credential USING")
    assert f"INDEX {index} " in plan
    assert "TEMP B-TREE" not in plan


def test_what_has_ended_by_itself_is_not_due(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    old, _ = desk.life.mint(personal(), BOUNDS)
    desk.life.rotate(old, BOUNDS, 600)
    assert desk.store.due(old.expires_unix - 1) == [desk.store.get(old.id)]
    assert desk.store.due(old.expires_unix) == []
