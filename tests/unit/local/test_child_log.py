"""Children's output: complete, labelled and bounded."""

import asyncio
import os
from pathlib import Path

import pytest

from gateway_ext.local.child_log import LINE_BYTES_MAX, ChildLog


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


async def follow(log: ChildLog, *chunks: bytes) -> None:
    read_end, write_end = os.pipe()
    following = asyncio.get_running_loop().create_task(log.follow(os.fdopen(read_end, "rb", buffering=0)))
    with os.fdopen(write_end, "wb", buffering=0) as pipe:
        for chunk in chunks:
            await asyncio.to_thread(pipe.write, chunk)
    await following
    log.close()


async def test_lines_are_shown_under_the_childs_name_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = ChildLog(tmp_path, "envoy", is_shown=True)
    await follow(log, b"one\ntw", b"o\nlast \xff")
    assert (tmp_path / "envoy.log").read_bytes() == b"one\ntwo\nlast \xff\n"
    assert capsys.readouterr().err == "[envoy] one\n[envoy] two\n[envoy] last \\xff\n"
    assert list(log.tail) == ["one", "two", "last \\xff"]


async def test_files_are_rotated_and_the_oldest_is_dropped(tmp_path: Path) -> None:
    log = ChildLog(tmp_path, "one", file_bytes_max=100)
    await follow(log, b"".join(b"line %03d\n" % number for number in range(100)))
    kept = contents(tmp_path)
    assert sorted(kept) == ["one.log", "one.log.1", "one.log.2"]
    assert all(len(content) <= 100 for content in kept.values())
    lines = (kept["one.log.2"] + kept["one.log.1"] + kept["one.log"]).splitlines()
    assert lines == [b"line %03d" % number for number in range(100 - len(lines), 100)]


async def test_a_line_without_end_is_not_held_in_memory(tmp_path: Path) -> None:
    log = ChildLog(tmp_path, "one")
    await follow(log, b"x" * (3 * LINE_BYTES_MAX))
    assert max(len(line) for line in log.tail) < 2 * LINE_BYTES_MAX
    assert (tmp_path / "one.log").read_bytes().count(b"x") == 3 * LINE_BYTES_MAX


async def test_a_full_disk_does_not_block_the_child(tmp_path: Path) -> None:
    (tmp_path / "one.log").symlink_to("/dev/full")
    log = ChildLog(tmp_path, "one")
    await follow(log, b"one\ntwo\n")
    assert list(log.tail) == ["one", "two"]
