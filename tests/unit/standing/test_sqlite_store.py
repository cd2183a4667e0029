import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from gateway_ext import limits
from gateway_ext.errors import ConfigurationError
from gateway_ext.standing.directives import EXPIRY_MARGIN_NANO, Directive, Measure, Scope, Target
from gateway_ext.standing.sqlite_store import StandingStore
from gateway_ext.witnessed import store as witnessed
from gateway_ext.witnessed.store import marker_path

MODEL = Target(Measure.STOPPED, Scope.MODEL, "assistant")
KEY = Target(Measure.REVOKED, Scope.CREDENTIAL, "key-1")
NOW = 10**18


def directive(target: Target = MODEL, since: int = NOW, expires: int = 0, reason: str = "incident 7") -> Directive:
    return Directive(target, "ops", reason, since, expires)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "standing.sqlite"


@pytest.fixture
def store(path: Path) -> StandingStore:
    store = StandingStore(path)
    assert not store.exists()
    assert store.make("store-1")
    return store


def test_what_is_ordered_is_kept_and_can_be_undone(store: StandingStore, path: Path) -> None:
    store.put(directive())
    store.put(directive(KEY, NOW + 1, NOW + 9))
    assert StandingStore(path).directives(NOW) == [directive(), directive(KEY, NOW + 1, NOW + 9)]
    assert store.undo(MODEL)
    assert not store.undo(MODEL)
    assert store.directives(NOW) == [directive(KEY, NOW + 1, NOW + 9)]


def test_an_order_given_again_replaces_the_one_before(store: StandingStore) -> None:
    store.put(directive())
    store.put(directive(since=NOW + 5, reason="incident 8"))
    assert store.directives(NOW) == [directive(since=NOW + 5, reason="incident 8")]


@pytest.mark.parametrize(("first", "second", "kept"), [(5, 9, 9), (9, 5, 9), (0, 5, 0), (5, 0, 0)])
def test_a_revocation_never_comes_to_end_sooner(store: StandingStore, first: int, second: int, kept: int) -> None:
    for expires in (first, second):
        store.put(directive(KEY, expires=expires and NOW + expires))
    assert [each.expires_unix_nano for each in store.directives(NOW)] == [kept and NOW + kept]


def test_what_is_over_leaves_the_file_with_the_next_order(store: StandingStore, path: Path) -> None:
    store.put(directive(KEY, NOW, NOW + 1))
    later = NOW + 2 + EXPIRY_MARGIN_NANO
    assert store.directives(later) == []
    store.put(directive(since=later))
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT value FROM directive").fetchall() == [("assistant",)]
    connection.close()


def test_the_number_of_orders_is_bounded(store: StandingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STANDING_DIRECTIVES_MAX", 1)
    store.put(directive())
    store.put(directive(reason="the same target"))
    with pytest.raises(ConfigurationError, match="which is the most"):
        store.put(directive(KEY))
    assert [each.target for each in store.directives(NOW)] == [MODEL]


def test_the_files_are_private(store: StandingStore, path: Path) -> None:
    for each in (path, marker_path(path)):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


# --- a store that is not the one ------------------------------------------------------------------------------------------


def test_a_lost_store_is_not_begun_anew_by_itself(store: StandingStore, path: Path) -> None:
    store.put(directive())
    path.unlink()
    assert store.exists()  # the marker tells
    with pytest.raises(ConfigurationError, match=r"is missing; .*standing init"):
        store.directives(NOW)
    with pytest.raises(ConfigurationError, match=r"is missing; .*standing init"):
        store.put(directive())
    assert not path.exists()
    assert store.make("store-2")
    assert store.directives(NOW) == []


def test_an_older_copy_is_refused_until_it_is_taken_for_the_right_one(store: StandingStore, path: Path) -> None:
    store.put(directive())
    shutil.copy(path, path.with_suffix(".backup"))
    store.put(directive(KEY))
    shutil.copy(path.with_suffix(".backup"), path)
    for attempt in (lambda: store.directives(NOW), lambda: store.put(directive()), lambda: store.undo(MODEL)):
        with pytest.raises(ConfigurationError, match="older copy"):
            attempt()
    assert not store.make("ignored")
    assert store.directives(NOW) == [directive()]


def test_another_store_in_its_place_is_refused(store: StandingStore, path: Path, tmp_path: Path) -> None:
    other = StandingStore(tmp_path / "other" / "standing.sqlite")
    other.make("store-2")
    shutil.copy(tmp_path / "other" / "standing.sqlite", path)
    with pytest.raises(ConfigurationError, match="another store"):
        store.directives(NOW)


def test_without_its_marker_a_store_is_refused(store: StandingStore, path: Path) -> None:
    store.put(directive())
    marker_path(path).unlink()
    with pytest.raises(ConfigurationError, match="marker is missing"):
        store.directives(NOW)
    assert not store.make("ignored")
    assert store.directives(NOW) == [directive()]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"store_id": 1, "generation": 0}', b"{"])
def test_a_damaged_marker_is_refused(store: StandingStore, path: Path, content: bytes) -> None:
    marker_path(path).write_bytes(content)
    with pytest.raises(ConfigurationError):
        store.directives(NOW)


def test_a_damaged_store_is_refused(store: StandingStore, path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        store.directives(NOW)


def test_an_unknown_order_makes_the_store_unusable_instead_of_being_skipped(store: StandingStore, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO directive VALUES ('banned', 'model', 'm', '', 'a', 'r', 1, 0)")
    connection.close()
    with pytest.raises(ConfigurationError):
        store.directives(NOW)


def test_a_change_that_fails_changes_nothing(store: StandingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnessed, "ADVANCE", "UPDATE nothing SET x = 1")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        store.put(directive())
    monkeypatch.undo()
    assert store.directives(NOW) == []
