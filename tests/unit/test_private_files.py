"""Files appear whole and with the right mode, whatever was there before."""

import os
from pathlib import Path

import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import PRIVATE, make_private_directory, read_private, write_whole


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


def test_a_private_file_is_read(tmp_path: Path) -> None:
    write_whole(tmp_path / "key", b"secret", PRIVATE)
    assert read_private(tmp_path / "key") == b"secret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o666])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    write_whole(tmp_path / "key", b"secret", mode)
    with pytest.raises(ConfigurationError, match=rf"key: others may access it \(mode {mode:04o}\)") as refused:
        read_private(tmp_path / "key")
    assert "secret" not in str(refused.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    write_whole(tmp_path / "key", b"secret", PRIVATE)
    os.chown(tmp_path / "key", 12345, -1)
    with pytest.raises(ConfigurationError, match="another user"):
        read_private(tmp_path / "key")


def test_links_and_pipes_are_not_followed_or_waited_for(tmp_path: Path) -> None:
    write_whole(tmp_path / "key", b"secret", PRIVATE)
    (tmp_path / "link").symlink_to(tmp_path / "key")
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(OSError, match="symbolic links"):
        read_private(tmp_path / "link")
    with pytest.raises(ConfigurationError, match="not a regular file"):
        read_private(tmp_path / "pipe")
