"""Stores of an installation with so many people in them, written without the programs that write them one by one."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from gateway_ext import limits
from gateway_ext.budget import reserve
from gateway_ext.budget import sqlite_schema as ledger_sql
from gateway_ext.budget.scopes import percent_encoded
from gateway_ext.budget.sqlite_file import connect
from gateway_ext.clock import SystemClock
from gateway_ext.consent import sqlite_schema as consent_sql
from gateway_ext.credentials import sqlite_schema as credential_sql
from gateway_ext.credentials.sqlite_store import SqliteCredentials
from gateway_ext.exchange import CredentialClass, Principal
from gateway_ext.policy.loader import load_policy
from gateway_ext.settings import Settings
from gateway_ext.standing import sqlite_schema as standing_sql
from gateway_ext.subjects import sqlite_schema as subject_sql
from gateway_ext.subjects.sqlite_store import SubjectsStore
from gateway_ext.subjects.subject import new_subject

TEAMS = 1_000
LIFE_SECONDS = 30 * 86_400
_BATCH = 10_000


def name(number: int) -> str:
    return f"user{number}@example.com"


def team(number: int) -> str:
    return f"team-{number % TEAMS}"


def populate(settings: Settings, count: int) -> None:
    """An account, a pseudonym, an acceptance and a credential each; STANDING_DIRECTIVES_MAX credentials at most are revoked."""
    now = SystemClock().now_unix_nano()
    layout = settings.layout
    connect(layout.ledger).close()
    _fill(layout.ledger, ledger_sql.OPEN_ACCOUNT, _accounts(settings, count, now))
    acceptances = (
        ("person", name(each), "terms-of-use", "1", 0, now, name(each), "company", "", "") for each in range(count)
    )
    _fill(layout.agreements, consent_sql.PUT, acceptances)
    subjects = SubjectsStore(layout.subjects)
    subjects.begin()
    known = (new_subject(name(each)) for each in range(count))
    _fill(layout.subjects, subject_sql.INSERT, ((one.pseudonym, one.name, one.key, now) for one in known))
    revoked = (
        ("revoked", "credential", f"gone-{each}", "", "admin", "lost", now, now + LIFE_SECONDS * limits.NANO)
        for each in range(min(count, limits.STANDING_DIRECTIVES_MAX))
    )
    _fill(layout.standing, standing_sql.PUT, revoked)
    SqliteCredentials(layout.credentials).mark_revoked("", 0)  # makes the file
    _fill(layout.credentials, credential_sql.INSERT, _credentials(count, now // limits.NANO))


def _accounts(settings: Settings, count: int, now_unix_nano: int) -> Iterator[tuple[object, ...]]:
    """Those that a reservation of each would open: the keys are the ledger's own, but for the names in them."""
    snapshot = load_policy(settings.policies_dir)
    somebody = Principal("SUBJECT", "person", "personal", CredentialClass.PERSONAL, "c", team="TEAM")
    lines = reserve.lines(snapshot.budget, somebody, "assistant", now_unix_nano)
    for line in lines:
        holders = range(min(count, TEAMS) if "TEAM" in line.key else count)
        for each in holders:
            key = line.key.replace("SUBJECT", percent_encoded(name(each))).replace("TEAM", team(each))
            yield key, line.rule, line.limit_nano, None, 0


def _credentials(count: int, now_unix: int) -> Iterator[tuple[object, ...]]:
    for each in range(count):
        owner = f'{{"subject": "{name(each)}", "team": "{team(each)}", "groups": ["llm-users"]}}'
        yield (
            f"{each:032x}", "personal", "laptop", "", name(each), owner, now_unix - count + each,
            now_unix + LIFE_SECONDS, None, '{"uri": "", "thumbprint": ""}', 0, "", 0, 0, None,
        )  # fmt: skip


def _fill(path: Path, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        rows = iter(rows)
        while batch := list(itertools.islice(rows, _BATCH)):
            connection.execute("BEGIN")
            connection.executemany(statement, batch)
            connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
