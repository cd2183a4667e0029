from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.alerts.alert import Kind
from gateway_ext.alerts.judgement import Told
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.errors import ConfigurationError
from tests.unit.alerts.alerts import NOW, made

LATER = NOW + 10


@pytest.fixture
def store(tmp_path: Path) -> SqliteAlerts:
    return SqliteAlerts(tmp_path / "state" / "alerts.sqlite")


def test_what_is_noted_waits_for_each_of_its_channels(store: SqliteAlerts) -> None:
    store.note([(made(), ("audit", "hook"), LATER), (made("eva"), ("audit",), LATER)])
    assert [alert.value for _, alert in store.waiting("audit", 10)] == ["ada", "eva"]
    assert [alert for _, alert in store.waiting("hook", 10)] == [made()]
    assert store.counts() == {"audit": 2, "hook": 1}
    store.delivered([sequence for sequence, _ in store.waiting("audit", 1)])
    assert [alert.value for _, alert in store.waiting("audit", 10)] == ["eva"]
    assert store.waiting("other", 10) == []


def test_what_is_noted_twice_is_told_once(store: SqliteAlerts) -> None:
    store.note([(made(), ("audit",), LATER)])
    store.delivered([sequence for sequence, _ in store.waiting("audit", 10)])
    store.note([(made(), ("audit",), LATER)])
    assert store.waiting("audit", 10) == []


def test_it_knows_the_last_of_each_account(store: SqliteAlerts) -> None:
    store.note([(made(threshold_percent=50, told=NOW + 99), (), LATER), (made(kind=Kind.FORECAST), (), LATER)])
    store.note([(made(threshold_percent=80), (), LATER)])  # by a clock that was put back
    account = made().account
    assert store.told() == {(Kind.THRESHOLD, account): Told(80, NOW), (Kind.FORECAST, account): Told(80, NOW)}


def test_it_forgets_what_is_over_unless_it_waits(store: SqliteAlerts) -> None:
    store.note([(made(), ("audit",), NOW), (made("eva"), (), NOW), (made("lin"), (), LATER)])
    assert store.forget(NOW + 1, 0, ["audit"]) == 0
    assert {alert.value for alert in store.newest(10)} == {"ada", "lin"}


def test_it_gives_up_what_is_too_old_and_channels_that_are_no_more(store: SqliteAlerts) -> None:
    store.note([(made(), ("audit", "gone"), LATER), (made("eva", told=NOW + 5), ("audit",), LATER)])
    assert store.forget(NOW, NOW + 1, ["audit"]) == 2
    assert store.counts() == {"audit": 1}
    assert len(store.told()) == 2  # and what was given up is not told again


def test_a_failed_note_notes_nothing(store: SqliteAlerts) -> None:
    def broken() -> object:
        yield made(), ("audit",), LATER
        raise ValueError

    with pytest.raises(ConfigurationError, match="may be removed"):
        store.note(broken())  # type: ignore[arg-type]  # fails on purpose
    assert store.counts() == {}
    assert store.told() == {}


def test_nobody_else_may_read_it(store: SqliteAlerts, tmp_path: Path) -> None:
    store.note([])
    assert stat.S_IMODE((tmp_path / "state" / "alerts.sqlite").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_name_that_no_utf8_can_carry_is_kept(store: SqliteAlerts) -> None:
    store.note([(made("a\ud800"), ("audit",), LATER)])
    assert store.waiting("audit", 1)[0][1].value == "a\ud800"


def test_it_knows_when_it_was_replaced(store: SqliteAlerts, tmp_path: Path) -> None:
    first = store.identity()
    assert store.identity() == first
    for path in (tmp_path / "state").iterdir():
        path.unlink()
    assert store.identity() != first


@pytest.mark.parametrize("damage", ["garbage", "newer"])
def test_what_cannot_be_used_is_said(store: SqliteAlerts, tmp_path: Path, damage: str) -> None:
    store.note([])
    path = tmp_path / "state" / "alerts.sqlite"
    if damage == "garbage":
        path.write_bytes(b"x" * 5_000)
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 9")
    with pytest.raises(ConfigurationError, match=r"alerts\.sqlite"):
        store.told()


def test_what_was_told_of_one_person_is_found_and_forgotten(store: SqliteAlerts) -> None:
    of_a_run = replace(made("ada/run-1"), scope="agent_run", account="EUR/total/runs/agent_run/ada%2Frun-1")
    of_a_team = replace(made("ada"), scope="team", account="EUR/2026-10/ours/team/ada")
    store.note([(each, ("audit",), LATER) for each in (made("ada"), of_a_run, of_a_team, made("eva"))])
    assert store.of_person("ada") == [made("ada"), of_a_run]
    assert store.forget_person("ada") == 2
    assert [alert for _, alert in store.waiting("audit", 10)] == [of_a_team, made("eva")]
