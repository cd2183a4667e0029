import os
from pathlib import Path

import pytest

from gateway_ext.audit.archive import archive_segment, archived_segments, log_segments, read_segment
from gateway_ext.audit.cursor import Cursor, save_cursor
from gateway_ext.audit.releasing import release
from gateway_ext.audit.segments import segment_path


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    """A spool directory with segments 1 and 2, and where its archive will be."""
    spool = tmp_path / "spool"
    spool.mkdir()
    for number in (1, 2):
        segment_path(spool, number).write_bytes(b"%d" % number)
    return spool, tmp_path / "archive" / "processor-0"


def test_a_segment_is_moved_into_a_directory_of_the_owner_alone(roots: tuple[Path, Path]) -> None:
    spool, archive = roots
    archive_segment(spool, archive, 1)
    assert {directory.stat().st_mode & 0o777 for directory in (archive, archive.parent)} == {0o700}
    assert not segment_path(spool, 1).exists()
    assert archived_segments(archive) == [1]


def test_the_segments_of_a_log_are_found_wherever_they_lie(roots: tuple[Path, Path]) -> None:
    spool, archive = roots
    assert archived_segments(archive) == []
    archive_segment(spool, archive, 1)
    assert log_segments(spool, archive) == {1: segment_path(archive, 1), 2: segment_path(spool, 2)}
    assert [read_segment(spool, archive, number) for number in (1, 2)] == [b"1", b"2"]
    with pytest.raises(FileNotFoundError):
        read_segment(spool, archive, 3)


def test_another_segment_of_the_same_number_is_not_overwritten(roots: tuple[Path, Path]) -> None:
    spool, archive = roots
    archive.mkdir(parents=True)
    segment_path(archive, 1).write_bytes(b"older")
    with pytest.raises(FileExistsError):
        archive_segment(spool, archive, 1)
    assert (segment_path(archive, 1).read_bytes(), segment_path(spool, 1).read_bytes()) == (b"older", b"1")


def test_a_move_that_was_interrupted_is_completed(roots: tuple[Path, Path]) -> None:
    """Killed between the two names: for that moment the segment is in both places."""
    spool, archive = roots
    archive.mkdir(parents=True)
    os.link(segment_path(spool, 1), segment_path(archive, 1))
    assert list(log_segments(spool, archive)) == [1, 2]
    archive_segment(spool, archive, 1)
    assert log_segments(spool, archive) == {1: segment_path(archive, 1), 2: segment_path(spool, 2)}


def test_what_was_delivered_and_signed_is_archived_and_the_rest_stays(roots: tuple[Path, Path]) -> None:
    spool, archive = roots
    segment_path(spool, 3).touch()
    save_cursor(spool, Cursor(segment=3))
    release(spool, lambda _: 2, lambda directory, number: archive_segment(directory, archive, number))
    assert log_segments(spool, archive) == {
        1: segment_path(archive, 1),
        2: segment_path(spool, 2),
        3: segment_path(spool, 3),
    }
