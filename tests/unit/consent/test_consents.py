from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway_ext import limits
from gateway_ext.clock import SystemClock
from gateway_ext.consent import consents as consents_module
from gateway_ext.consent.acceptance import Acceptance
from gateway_ext.consent.consents import Consents
from gateway_ext.consent.rules import ConsentRules, Party, PartyKind
from gateway_ext.consent.sqlite_store import AgreementsStore
from gateway_ext.errors import AgreementMissing, ConsentUnavailable
from gateway_ext.exchange import Principal
from tests.unit.consent.people import ADA, CONSOLE, RULES, TERMS, person, service

ACCEPTED = Acceptance(ADA, "terms", "2", False, 1, "ada")
WITHDRAWN = dataclasses.replace(ACCEPTED, is_withdrawn=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agreements.sqlite"


@pytest.fixture
def store(path: Path) -> AgreementsStore:
    store = AgreementsStore(path)
    store.make("store-1")
    return store


@pytest.fixture
async def following(path: Path) -> AsyncIterator[Consents]:
    consents = Consents(path, SystemClock(), CONSOLE)
    await consents.start()
    yield consents
    await consents.stop()


def passes(consents: Consents, principal: Principal = person(), rules: ConsentRules = RULES) -> bool:  # noqa: B008  (frozen)
    try:
        consents.require(principal, rules)
    except AgreementMissing:
        return False
    return True


async def until(consents: Consents, wanted: bool, seconds: float = 1.0) -> float:
    began = time.monotonic()
    while passes(consents) is not wanted:
        assert time.monotonic() < began + seconds
        await asyncio.sleep(0.005)
    return time.monotonic() - began


async def test_what_is_said_counts_within_a_fraction_of_a_second(following: Consents, store: AgreementsStore) -> None:
    assert not passes(following)
    for said, may_pass in ((ACCEPTED, True), (WITHDRAWN, False), (ACCEPTED, True)):
        store.put(said)
        assert await until(following, may_pass) < 0.5


async def test_a_new_version_asks_anew(following: Consents, store: AgreementsStore) -> None:
    store.put(ACCEPTED)
    assert passes(following)
    newer = ConsentRules((dataclasses.replace(TERMS, version="3"),))
    assert not passes(following, rules=newer)
    store.put(dataclasses.replace(ACCEPTED, version="3"))
    await asyncio.sleep(0.3)
    assert passes(following, rules=newer)
    assert not passes(following)


async def test_as_long_as_nothing_is_asked_no_store_is_missed(
    following: Consents, caplog: pytest.LogCaptureFixture
) -> None:
    following.require(person(), ConsentRules())
    await asyncio.sleep(0.2)
    assert caplog.text == ""
    with pytest.raises(ConsentUnavailable):
        following.require(person(), RULES)
    following.require(service(), RULES)  # of whom nothing is asked
    assert caplog.text.count("requests are refused") == 1
    assert "agreements init" in caplog.text


async def test_a_lost_store_refuses_within_a_second_and_heals(
    following: Consents, store: AgreementsStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.put(ACCEPTED)
    assert passes(following)
    os.rename(path, f"{path}.away")
    await asyncio.sleep(limits.STANDING_AGE_SECONDS_MAX + 0.2)
    with pytest.raises(ConsentUnavailable):
        passes(following)
    os.rename(f"{path}.away", path)
    await asyncio.sleep(0.3)
    assert passes(following)
    assert "is read again" in caplog.text


async def test_an_older_copy_is_never_believed(following: Consents, store: AgreementsStore, path: Path) -> None:
    store.put(ACCEPTED)
    backup = path.with_suffix(".backup")
    shutil.copy(path, backup)
    store.put(WITHDRAWN)
    assert not passes(following)
    backup.replace(path)
    ends = time.monotonic() + limits.STANDING_AGE_SECONDS_MAX + 0.3
    while time.monotonic() < ends:
        with contextlib.suppress(ConsentUnavailable):
            assert not passes(following)
        await asyncio.sleep(0.01)
    with pytest.raises(ConsentUnavailable):
        passes(following)


async def test_what_is_remembered_is_bounded(
    following: Consents, store: AgreementsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consents_module, "CONSENT_PARTIES_REMEMBERED_MAX", 3)
    names = [f"person-{number}" for number in range(10)]
    for name in names[::2]:
        store.put(dataclasses.replace(ACCEPTED, party=Party(PartyKind.PERSON, name)))
    for _ in range(2):
        assert [passes(following, person(subject=name)) for name in names] == [True, False] * 5
        assert len(following._remembered) <= 3


async def test_a_busy_loop_still_sees_what_was_withdrawn(store: AgreementsStore, path: Path) -> None:
    """The background task never runs here: the request looks for itself."""

    class HandClock(SystemClock):
        def monotonic_ns(self) -> int:
            return moved_ns

    moved_ns = 0
    consents = Consents(path, HandClock(), CONSOLE)
    store.put(ACCEPTED)
    assert passes(consents)
    store.put(WITHDRAWN)
    assert passes(consents)  # of the same moment
    moved_ns = 60 * limits.NANO
    assert not passes(consents)
    await consents.stop()
