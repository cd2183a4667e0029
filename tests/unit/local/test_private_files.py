"""Files appear whole and with the right mode, whatever was there before."""

import os
from pathlib import Path

import pytest

from gateway_ext.local.private_files import PRIVATE, make_private_directory, write_whole


def test_a_file_that_was_open_to_all_is_private_afterwards(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("old")
    key.chmod(0o644)
    write_whole(key, b"new", PRIVATE)
    assert (key.read_bytes(), key.stat().st_mode & 0o777) == (b"new", 0o600)
    assert list(tmp_path.iterdir()) == [key]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "key"
    write_whole(key, b"old", PRIVATE)

    def disk_full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(key, b"new", PRIVATE)
    assert key.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [key]


def test_a_directory_that_was_open_is_tightened(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private_directory(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700
