import stat
from pathlib import Path

import pytest

from gateway_ext.audit.cursor import Cursor, load_cursor, load_cursors, save_cursor, undelivered_bytes, unshipped_bytes
from gateway_ext.audit.segments import segment_path

CURSOR = Cursor(segment=3, offset=40, run_id="r", sequence=7, records=9, lost_records=1, damaged_bytes=2, torn_tails=1)


def test_round_trip(tmp_path: Path) -> None:
    assert load_cursor(tmp_path) == Cursor()
    save_cursor(tmp_path, CURSOR)
    assert load_cursor(tmp_path) == CURSOR
    assert stat.S_IMODE((tmp_path / "cursor").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"segment": 1}', b'{"segment": "1"}', b"\xff"])
def test_a_damaged_cursor_starts_over_and_says_so(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cursor").write_bytes(content)
    assert load_cursor(tmp_path) == Cursor()
    assert "sent again" in caplog.text


def test_a_failed_save_leaves_the_old_cursor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_cursor(tmp_path, CURSOR)

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="Input"):
        save_cursor(tmp_path, Cursor(segment=9))
    assert load_cursor(tmp_path) == CURSOR


def test_unshipped_bytes_are_those_behind_the_cursor(tmp_path: Path) -> None:
    for number, size in ((2, 100), (3, 50), (4, 7)):
        segment_path(tmp_path, number).write_bytes(b"x" * size)
    assert unshipped_bytes(tmp_path, Cursor()) == 157
    assert unshipped_bytes(tmp_path, CURSOR) == 10 + 7
    assert unshipped_bytes(tmp_path, Cursor(segment=3, offset=60)) == 7  # a power cut took acknowledged pages


def test_each_output_has_a_cursor_and_the_slowest_counts(tmp_path: Path) -> None:
    for number, size in ((2, 100), (3, 50)):
        segment_path(tmp_path, number).write_bytes(b"x" * size)
    assert load_cursors(tmp_path) == {}
    assert undelivered_bytes(tmp_path) == 150
    save_cursor(tmp_path, CURSOR)
    assert undelivered_bytes(tmp_path) == 10
    save_cursor(tmp_path, Cursor(segment=2, offset=60), "ocsf")
    assert load_cursors(tmp_path) == {"otlp": CURSOR, "ocsf": Cursor(segment=2, offset=60)}
    assert undelivered_bytes(tmp_path) == 40 + 50
