"""Files appear whole, in order, and only when they changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway_ext.envoyconf.write import write


def test_writes_all_and_names_them_in_order(tmp_path: Path) -> None:
    files = {"secrets/b.yaml": "b", "clusters.yaml": "c", "a.yaml": "a"}
    assert write(files, tmp_path / "xds") == ("secrets/b.yaml", "clusters.yaml", "a.yaml")
    assert {name: (tmp_path / "xds" / name).read_text() for name in files} == files


def test_unchanged_files_are_left_alone(tmp_path: Path) -> None:
    write({"a": "1", "b": "1"}, tmp_path)
    inode = (tmp_path / "a").stat().st_ino
    assert write({"a": "1", "b": "2"}, tmp_path) == ("b",)
    assert (tmp_path / "a").stat().st_ino == inode


def test_a_changed_file_is_another_file_moved_into_place(tmp_path: Path) -> None:
    write({"a": "1"}, tmp_path)
    with (tmp_path / "a").open() as old:
        write({"a": "2"}, tmp_path)
        assert old.read() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_envoy_may_run_as_another_user(tmp_path: Path) -> None:
    write({"a": "1"}, tmp_path)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_a_failure_keeps_the_old_file_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"a": "1"}, tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write({"a": "2", "b": "2"}, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "1"}
