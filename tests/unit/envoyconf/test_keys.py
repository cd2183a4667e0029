from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_ext.envoyconf.keys import key_versions


def written_in_place(key: Path) -> None:
    key.write_text("second")
    os.utime(key, ns=(1, 1))  # the file system's clock may not have moved on


def renamed_into_place(key: Path) -> None:
    key.with_name("new").write_text("second")
    key.with_name("new").replace(key)


def swapped_link(key: Path) -> None:
    """As Kubernetes updates a mounted secret."""
    key.with_name("elsewhere").write_text("second")
    key.unlink()
    key.symlink_to("elsewhere")


@pytest.mark.parametrize("replace", [written_in_place, renamed_into_place, swapped_link])
def test_a_replaced_key_has_another_version(tmp_path: Path, replace: Callable[[Path], None]) -> None:
    key = tmp_path / "provider"
    key.write_text("first")
    before = key_versions(tmp_path)
    assert key_versions(tmp_path) == before
    replace(key)
    assert key_versions(tmp_path)["provider"] != before["provider"]


def test_a_missing_directory_and_a_dangling_link_count_as_absent(tmp_path: Path) -> None:
    (tmp_path / "provider").symlink_to("nowhere")
    assert key_versions(tmp_path) == {}
    assert key_versions(tmp_path / "missing") == {}
