from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway_ext.clock import SystemClock
from gateway_ext.errors import AuditUnavailable
from gateway_ext.subjects.known import KnownSubjects
from gateway_ext.subjects.sealing import opened
from gateway_ext.subjects.sqlite_store import SubjectsStore
from gateway_ext.subjects.subject import Subject

POLL_SECONDS = 0.01


@pytest.fixture
async def known(tmp_path: Path) -> AsyncIterator[KnownSubjects]:
    known = KnownSubjects(tmp_path / "subjects.sqlite", SystemClock(), poll_seconds=POLL_SECONDS)
    await known.start()
    yield known
    await known.stop()


@pytest.fixture
def store(tmp_path: Path) -> SubjectsStore:
    return SubjectsStore(tmp_path / "subjects.sqlite")


async def another_than(before: Subject, known: KnownSubjects) -> Subject:
    """Whoever has the name now, as soon as that is somebody else."""
    async with asyncio.timeout(2):
        while True:
            now = known.of(before.name)
            if now != before:
                return now
            await asyncio.sleep(POLL_SECONDS)


def test_without_anybody_asking_there_is_no_store(known: KnownSubjects, store: SubjectsStore) -> None:
    assert not known.poll()
    assert not store.exists()
    with pytest.raises(AuditUnavailable):
        known.of("ada")


def test_it_says_what_the_store_says(known: KnownSubjects, store: SubjectsStore) -> None:
    known.begin()
    ada = known.of("ada")
    assert store.find("ada") == ada
    assert known.of("ada") is ada
    assert known.of(store.of("eva").name) == store.find("eva")


def test_details_are_sealed_once(known: KnownSubjects) -> None:
    known.begin()
    ada = known.of("ada")
    sealed = known.sealed(ada, "ada@example.eu", "key-1")
    assert known.sealed(ada, "ada@example.eu", "key-1") is sealed
    assert opened(ada, sealed)["email"] == "ada@example.eu"
    assert known.sealed(ada, "", "key-2") != sealed


async def test_an_erasure_is_heeded_within_moments(known: KnownSubjects, store: SubjectsStore) -> None:
    known.begin()
    ada = known.of("ada")
    await asyncio.to_thread(store.erase, ada.pseudonym, 1)
    assert (await another_than(ada, known)).pseudonym != ada.pseudonym


async def test_a_store_that_was_begun_anew_is_another_one(known: KnownSubjects, store: SubjectsStore) -> None:
    known.begin()
    ada = known.of("ada")
    for path in store.path.parent.glob("subjects.sqlite*"):
        path.unlink()
    store.make("another")
    assert await another_than(ada, known) == store.find("ada")


async def test_a_store_that_is_lost_names_nobody(
    known: KnownSubjects, store: SubjectsStore, caplog: pytest.LogCaptureFixture
) -> None:
    known.begin()
    known.of("ada")
    for path in store.path.parent.glob("subjects.sqlite*"):
        path.unlink()
    with caplog.at_level(logging.ERROR), pytest.raises(AuditUnavailable):
        known.of("eva")
    assert "eva" not in caplog.text
    async with asyncio.timeout(3):  # even those who are remembered, once that is too long ago
        while True:
            try:
                known.of("ada")
            except AuditUnavailable:
                break
            await asyncio.sleep(POLL_SECONDS)


def test_a_name_that_is_no_text_is_refused(known: KnownSubjects, caplog: pytest.LogCaptureFixture) -> None:
    known.begin()
    for _ in range(3):
        with pytest.raises(AuditUnavailable):
            known.of("\ud800")
    assert len([record for record in caplog.records if "cannot be named" in record.message]) == 1
    assert known.of("ada").name == "ada"
