import dataclasses
import shutil
import stat
from pathlib import Path

import pytest

from gateway_ext.consent.acceptance import Acceptance, key_of
from gateway_ext.consent.rules import Party, PartyKind
from gateway_ext.consent.sqlite_store import ALL, AgreementsStore, Wanted
from gateway_ext.errors import ConfigurationError
from tests.unit.consent.people import ADA, HR

ACCEPTED = Acceptance(ADA, "terms", "2", False, 10**18, "ada", "company", "", "ab" * 32)
WITHDRAWN = dataclasses.replace(ACCEPTED, is_withdrawn=True, since_unix_nano=10**18 + 1, reason="left", shown_sha256="")
OF_TEAM = Acceptance(HR, "applicants", "1", False, 10**18, "bob")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agreements.sqlite"


@pytest.fixture
def store(path: Path) -> AgreementsStore:
    store = AgreementsStore(path)
    assert store.make("store-1")
    return store


def test_what_was_said_last_is_kept(store: AgreementsStore, path: Path) -> None:
    assert store.find(ADA, "terms") is None
    for said in (ACCEPTED, WITHDRAWN, ACCEPTED):
        store.put(said)
        assert AgreementsStore(path).find(ADA, "terms") == said
    assert store.find(Party(PartyKind.TEAM, "ada"), "terms") is None


def test_pages_go_through_everything_once(store: AgreementsStore) -> None:
    everything = [
        dataclasses.replace(ACCEPTED, party=Party(kind, name), agreement=agreement)
        for kind in PartyKind
        for name in ("ada", "bob", "o'neil")
        for agreement in ("a", "b")
    ]
    for each in reversed(everything):
        store.put(each)
    seen: list[Acceptance] = []
    while page := store.page(ALL, key_of(seen[-1]) if seen else None, 5):
        assert len(page) <= 5
        seen += page
    assert seen == everything


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (Wanted(agreement="terms"), [WITHDRAWN]),
        (Wanted(kind=PartyKind.TEAM), [OF_TEAM]),
        (Wanted(name="ada"), [WITHDRAWN]),
        (Wanted(is_withdrawn=True), [WITHDRAWN]),
        (Wanted(is_withdrawn=False), [OF_TEAM]),
        (Wanted(kind=PartyKind.TEAM, name="ada"), []),
    ],
)
def test_a_list_may_be_narrowed(store: AgreementsStore, which: Wanted, found: list[Acceptance]) -> None:
    store.put(WITHDRAWN)
    store.put(OF_TEAM)
    assert store.page(which, None, 10) == found


def test_an_older_copy_does_not_bring_a_withdrawn_consent_back(store: AgreementsStore, path: Path) -> None:
    store.put(ACCEPTED)
    shutil.copy(path, path.with_suffix(".backup"))
    store.put(WITHDRAWN)
    shutil.copy(path.with_suffix(".backup"), path)
    with pytest.raises(ConfigurationError, match=r"older copy; .*agreements init"):
        store.find(ADA, "terms")
    with pytest.raises(ConfigurationError, match="older copy"):
        store.put(ACCEPTED)


def test_a_lost_store_is_not_begun_by_itself(store: AgreementsStore, path: Path) -> None:
    path.unlink()
    with pytest.raises(ConfigurationError, match=r"is missing; .*agreements init"):
        store.put(ACCEPTED)
    assert not path.exists()


def test_the_file_is_private(store: AgreementsStore, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
