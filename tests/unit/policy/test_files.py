from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway_ext import limits
from gateway_ext.policy import files
from gateway_ext.policy.files import read_directory, signature


def messages(directory: Path) -> dict[str, str]:
    return {problem.file: problem.message for problem in read_directory(directory).problems}


def test_a_good_directory_has_no_problems(policy_dir: Path) -> None:
    found = read_directory(policy_dir)
    assert found.problems == ()
    assert sorted(found.files) == sorted(path.name for path in policy_dir.iterdir())


def test_no_directory_says_what_one_is(tmp_path: Path) -> None:
    assert "a policy is a directory with access.yaml" in messages(tmp_path / "nowhere")["."]


def test_missing_unknown_and_unusual_files_are_problems(policy_dir: Path) -> None:
    (policy_dir / "models.yaml").unlink()
    (policy_dir / "guard.yaml").unlink()
    (policy_dir / "routing.yaml").unlink()
    (policy_dir / "modells.yaml").touch()
    (policy_dir / "extra.yml").touch()
    (policy_dir / "guard.yaml").symlink_to("nowhere")
    os.mkfifo(policy_dir / "routing.yaml")  # opening it would block for ever
    found = messages(policy_dir)
    assert sorted(found) == ["extra.yml", "guard.yaml", "modells.yaml", "models.yaml", "routing.yaml"]
    assert "missing" in found["models.yaml"]
    assert "did you mean 'models.yaml'?" in found["modells.yaml"]
    assert "cannot be read" in found["guard.yaml"]
    assert "not a regular file" in found["routing.yaml"]


def test_a_huge_file_is_refused_without_being_parsed(policy_dir: Path) -> None:
    with (policy_dir / "models.yaml").open("wb") as file:
        file.truncate(limits.POLICY_FILE_BYTES_MAX + 1)
    assert "larger than" in messages(policy_dir)["models.yaml"]


def test_a_change_of_the_same_size_and_mtime_is_seen(policy_dir: Path) -> None:
    path = policy_dir / "budgets.yaml"
    before, status = signature(policy_dir), path.stat()
    replacement = policy_dir / ".new"
    replacement.write_bytes(path.read_bytes().replace(b"EUR", b"USD"))
    os.utime(replacement, ns=(status.st_atime_ns, status.st_mtime_ns))
    replacement.replace(path)
    assert signature(policy_dir) != before


def test_a_swap_between_two_files_is_never_read_half(
    policy_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ConfigMap volume: files are links through `..data`, which is swapped while we are reading."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    for version in ("old", "new"):
        (mounted / f"..{version}").mkdir()
        for path in policy_dir.iterdir():
            (mounted / f"..{version}" / path.name).write_bytes(path.read_bytes() + f"# {version}\n".encode())
    (mounted / "..data").symlink_to("..old")
    for path in policy_dir.iterdir():
        (mounted / path.name).symlink_to(f"..data/{path.name}")

    read_file, reads = files._read_file, []

    def read_and_swap(path: Path) -> bytes | str:
        reads.append(path)
        if len(reads) == 3:
            (mounted / "..tmp").symlink_to("..new")
            (mounted / "..tmp").replace(mounted / "..data")
        return read_file(path)

    monkeypatch.setattr(files, "_read_file", read_and_swap)
    found = read_directory(mounted)
    assert found.problems == ()
    assert {data.rsplit(b"# ")[-1] for data in found.files.values()} == {b"new\n"}
    assert len(reads) == 2 * len(list(policy_dir.iterdir()))


def test_a_directory_that_never_rests_is_a_problem(policy_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_file = files._read_file

    def read_and_touch(path: Path) -> bytes | str:
        status = path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        return read_file(path)

    monkeypatch.setattr(files, "_read_file", read_and_touch)
    assert "kept changing" in messages(policy_dir)["."]
