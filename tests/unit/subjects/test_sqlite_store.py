from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.subjects.sqlite_store import SubjectsStore
from gateway_ext.subjects.subject import Erased, Subject

NOW = 1_700_000_000_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> SubjectsStore:
    store = SubjectsStore(tmp_path / "subjects.sqlite")
    store.begin()
    return store


def test_a_person_has_one_pseudonym_which_leads_back(store: SubjectsStore) -> None:
    ada = store.of("ada")
    assert store.of("ada") == store.find("ada") == store.get(ada.pseudonym) == ada
    assert ada.name == "ada"
    assert store.of("eva").pseudonym != ada.pseudonym


def test_nobody_is_made_by_asking(store: SubjectsStore) -> None:
    assert store.find("ada") is None
    assert store.get("pseudonym-" + "0" * 32) is None


def test_it_is_private(store: SubjectsStore) -> None:
    store.of("ada")
    for path in store.path.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_processes_that_meet_somebody_at_the_same_time_agree(store: SubjectsStore) -> None:
    found: list[Subject] = []
    threads = [
        threading.Thread(target=lambda: found.extend(SubjectsStore(store.path).of(f"p{n}") for n in range(20)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert len({each.pseudonym for each in found}) == 20


def test_the_erased_are_nowhere_and_a_new_pseudonym_is_another(store: SubjectsStore) -> None:
    ada = store.of("ada-of-the-works")
    assert store.erase(ada.pseudonym, NOW)
    assert store.get(ada.pseudonym) == Erased(ada.pseudonym, NOW)
    assert store.find("ada-of-the-works") is None
    everything = b"".join(path.read_bytes() for path in store.path.parent.iterdir())
    assert b"ada-of-the-works" not in everything
    assert ada.key not in everything
    again = store.of("ada-of-the-works")
    assert again.pseudonym != ada.pseudonym
    assert again.key != ada.key


def test_erasing_again_finds_nobody(store: SubjectsStore) -> None:
    ada = store.of("ada")
    store.erase(ada.pseudonym, NOW)
    assert not store.erase(ada.pseudonym, NOW + 1)
    assert store.get(ada.pseudonym) == Erased(ada.pseudonym, NOW)


def test_while_others_read_it_an_erasure_says_that_something_is_left(store: SubjectsStore) -> None:
    ada = store.of("ada")
    patient = SubjectsStore(store.path)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subject").fetchone()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gateway_ext.subjects.sqlite_store.remove_remains", _impatient)
            with pytest.raises(ConfigurationError, match="erased, but the file could not be rewritten"):
                patient.erase(ada.pseudonym, NOW)
        reader.execute("ROLLBACK")
    patient.erase(ada.pseudonym, NOW)
    assert ada.key not in b"".join(path.read_bytes() for path in store.path.parent.iterdir())


def _impatient(path: Path) -> None:
    from gateway_ext.sqlite_remains import remove_remains  # noqa: PLC0415  (patched above under its other name)

    remove_remains(path, busy_seconds=0.05)


def test_a_copy_from_before_an_erasure_is_refused(store: SubjectsStore, tmp_path: Path) -> None:
    ada = store.of("ada")
    shutil.copytree(tmp_path, tmp_path.parent / "copy")
    store.erase(ada.pseudonym, NOW)
    shutil.copy(tmp_path.parent / "copy" / "subjects.sqlite", store.path)
    with pytest.raises(ConfigurationError, match=r"put back from an older copy.*subjects init"):
        store.find("ada")
    with pytest.raises(ConfigurationError, match="older copy"):
        store.of("eva")


def test_a_copy_that_only_lacks_the_newest_is_not(store: SubjectsStore, tmp_path: Path) -> None:
    ada = store.of("ada")
    shutil.copy(store.path, tmp_path.parent / "copy.sqlite")
    eva = store.of("eva")
    shutil.copy(tmp_path.parent / "copy.sqlite", store.path)
    assert store.of("ada") == ada
    assert store.get(eva.pseudonym) is None


def test_a_lost_store_stays_lost_until_somebody_accepts_it(store: SubjectsStore) -> None:
    ada = store.of("ada")
    for path in store.path.parent.glob("subjects.sqlite*"):
        path.unlink()
    store.begin()
    with pytest.raises(ConfigurationError, match=r"is missing.*subjects init"):
        store.of("ada")
    assert store.make("another")
    assert store.of("ada").pseudonym != ada.pseudonym
    assert store.get(ada.pseudonym) is None
