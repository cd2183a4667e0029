from pathlib import Path

import pytest

from gateway_ext.standing.directives import Directive, Measure, Scope, Target
from gateway_ext.standing.sqlite_store import StandingStore, load
from gateway_ext.witnessed.reader import StoreReader
from gateway_ext.witnessed.store import StoreLost

ORDER = Directive(Target(Measure.STOPPED, Scope.MODEL, "assistant"), "ops", "incident 7", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "standing.sqlite"


@pytest.fixture
def store(path: Path) -> StandingStore:
    store = StandingStore(path)
    store.make("store-1")
    return store


def test_it_reads_once_for_each_change(store: StandingStore, path: Path) -> None:
    reader = StoreReader(StandingStore(path), load)
    assert reader.look() == []
    assert reader.look() is None
    store.put(ORDER)
    assert reader.look() == [ORDER]
    assert reader.look() is None
    store.undo(ORDER.target)
    assert reader.look() == []
    reader.close()
    assert reader.look() == []  # opened anew, read anew
    reader.close()


def test_a_change_after_a_failure_is_not_missed(store: StandingStore, path: Path) -> None:
    reader = StoreReader(StandingStore(path), load)
    assert reader.look() == []
    path.rename(path.with_suffix(".away"))
    with pytest.raises(StoreLost):
        reader.look()
    path.with_suffix(".away").rename(path)
    store.put(ORDER)
    assert reader.look() == [ORDER]
    reader.close()


def test_a_file_in_its_place_is_read_instead_of_the_one_that_is_open(store: StandingStore, path: Path) -> None:
    reader = StoreReader(StandingStore(path), load)
    assert reader.look() == []
    path.rename(path.with_suffix(".away"))
    StandingStore(path).make("store-2")  # an operator decided so
    StandingStore(path).put(ORDER)
    assert reader.look() == [ORDER]
    reader.close()
