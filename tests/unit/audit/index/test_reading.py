from pathlib import Path

import pytest

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.index import reading
from gateway_ext.audit.index.reading import Logs
from gateway_ext.audit.index.store import LogPosition, Place
from gateway_ext.audit.segments import frame
from tests.unit.audit.index.recorded import decision, event
from tests.unit.audit.index.segment_files import erase, write

LOG = "gateway/p0"
E1, E2, E3, E4 = (event(decision(f"e{number}"), number) for number in (1, 2, 3, 4))


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool" / "p0"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive" / "p0"


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path / "spool", tmp_path / "archive", "gateway")


def rest(logs: Logs, position: LogPosition = LogPosition(), records_max: int = 1) -> tuple[list[Event], LogPosition]:  # noqa: B008  (frozen)
    """All that is behind a position, chunk by chunk."""
    events: list[Event] = []
    while (chunk := logs.next_chunk(LOG, position, records_max)).position != position:
        assert len(chunk.records) <= records_max
        events += [record.event for record in chunk.records]
        position = chunk.position
    return events, position


@pytest.mark.parametrize("records_max", [1, 2, 100])
def test_all_segments_in_order_wherever_they_lie(logs: Logs, spool: Path, archive: Path, records_max: int) -> None:
    write(archive, 1, E1, E2)
    write(spool, 2, E3)
    write(spool, 3, E4)
    assert logs.names() == [LOG]
    assert rest(logs, records_max=records_max) == ([E1, E2, E3, E4], LogPosition(3, 1, 4))


def test_goes_on_where_it_was_also_after_a_restart(logs: Logs, spool: Path, tmp_path: Path) -> None:
    write(spool, 1, E1, E2)
    _, position = rest(logs)
    write(spool, 1, E3)
    other = Logs(tmp_path / "spool", tmp_path / "archive", "gateway")
    assert rest(logs, position) == rest(other, position) == ([E3], LogPosition(1, 3, 3))


def test_places_are_leaves(logs: Logs, spool: Path) -> None:
    write(spool, 7, E1, E2, E3)
    chunk = logs.next_chunk(LOG, LogPosition(7, 1, 1), 10)
    assert [record.place for record in chunk.records] == [Place(LOG, 7, 1), Place(LOG, 7, 2)]
    assert logs.events([Place(LOG, 7, 2), Place(LOG, 7, 0), Place(LOG, 9, 0), Place("other/p0", 7, 1)]) == [E1, E3]


def test_erased_records_keep_the_places_of_the_others(logs: Logs, spool: Path, archive: Path) -> None:
    path = write(archive, 1, E1, E2, E3, E4)
    write(spool, 2)
    chunk = logs.next_chunk(LOG, LogPosition(), 2)
    erase(path, [0, 2])
    assert rest(logs, chunk.position) == ([E4], LogPosition(2, 0, 3))
    assert logs.events([Place(LOG, 1, leaf) for leaf in range(4)]) == [E2, E4]
    assert logs.erased(LOG, 1) == {0, 2}


def test_what_is_being_written_is_left_for_later(logs: Logs, spool: Path) -> None:
    path = write(spool, 1, E1)
    whole = frame(E2.SerializeToString())
    with path.open("ab") as file:
        file.write(whole[:20])
    assert rest(logs) == ([E1], LogPosition(1, 1, 1))
    with path.open("ab") as file:
        file.write(whole[20:])
    assert rest(logs, LogPosition(1, 1, 1)) == ([E2], LogPosition(1, 2, 2))


def test_torn_tails_and_damage_are_passed_over(logs: Logs, spool: Path) -> None:
    path = write(spool, 1, E1)
    with path.open("ab") as file:
        file.write(b"damage")
    write(spool, 1, E2)
    with path.open("ab") as file:
        file.write(frame(E3.SerializeToString())[:-1])
    write(spool, 2, E4)
    assert rest(logs) == ([E1, E2, E4], LogPosition(2, 1, 3))


def test_a_record_that_cannot_be_decoded_is_a_leaf_all_the_same(logs: Logs, spool: Path) -> None:
    path = write(spool, 1, E1)
    with path.open("ab") as file:
        file.write(frame(b"\xff\xff"))
    write(spool, 1, E2)
    chunk = logs.next_chunk(LOG, LogPosition(), 10)
    assert [record.place.leaf for record in chunk.records] == [0, 2]


def test_a_window_smaller_than_a_record(logs: Logs, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(spool, 1, E1)
    _, position = rest(logs)
    monkeypatch.setattr(reading, "WINDOW_BYTES", 5)
    write(spool, 1, E2, E3)
    assert rest(logs, position) == ([E2, E3], LogPosition(1, 3, 3))


def test_no_spool_yet(logs: Logs) -> None:
    assert logs.names() == []
    assert rest(logs) == ([], LogPosition())


def test_an_index_of_its_own_needs_no_name_of_the_gateway(tmp_path: Path, spool: Path) -> None:
    write(spool, 1, E1)
    logs = Logs(tmp_path / "spool", tmp_path / "archive", "")
    assert logs.names() == ["p0"]
    assert logs.is_ours("p0")
    assert not logs.is_ours("gateway/p0")
    assert logs.events([Place("p0", 1, 0)]) == [E1]
