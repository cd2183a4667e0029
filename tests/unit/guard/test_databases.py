from __future__ import annotations

import multiprocessing
import re
import stat
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import hyperscan
import pytest

from gateway_ext.guard import databases
from gateway_ext.guard.databases import DatabaseFile, Expression, compiled
from gateway_ext.guard.prefilter import Prefilter

KEY = b"0123456789abcdef"
EXPRESSIONS: list[Expression] = [(0, b"cat", 0), (1, b"dog", 0)]


class Compiler:
    """Counts how often it is asked."""

    def __init__(self, expressions: list[Expression] = EXPRESSIONS) -> None:
        self.expressions = expressions
        self.builds = 0

    def __call__(self) -> hyperscan.Database:
        self.builds += 1
        return compiled(self.expressions)


def found(database: hyperscan.Database, data: bytes) -> list[int]:
    hits: list[int] = []
    database.scan(data, match_event_handler=lambda index, *_: hits.append(index), scratch=hyperscan.Scratch(database))
    return hits


def test_what_was_built_once_is_loaded_next_time(tmp_path: Path) -> None:
    path, build = tmp_path / "patterns.db", Compiler()
    for _ in range(3):
        assert found(DatabaseFile(path, KEY).database(EXPRESSIONS, build), b"dog, cat") == [1, 0]
    assert build.builds == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {each.name for each in tmp_path.iterdir()} == {"patterns.db", ".patterns.db.lock"}


@pytest.mark.parametrize(
    "other", [[(0, b"cow", 0)], [(1, b"cat", 0), (0, b"dog", 0)], [(0, b"cat", 1), (1, b"dog", 0)]]
)
def test_a_file_of_other_patterns_is_replaced(tmp_path: Path, other: list[Expression]) -> None:
    path, build = tmp_path / "patterns.db", Compiler()
    DatabaseFile(path, KEY).database(other, Compiler(other))
    for _ in range(2):
        assert found(DatabaseFile(path, KEY).database(EXPRESSIONS, build), b"cat") == [0]
    assert build.builds == 1


def test_a_file_for_another_processor_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, build = tmp_path / "patterns.db", Compiler()
    DatabaseFile(path, KEY).database(EXPRESSIONS, build)
    monkeypatch.setattr(databases, "_platform", lambda: ("another one",))
    DatabaseFile(path, KEY).database(EXPRESSIONS, build)
    assert build.builds == 2


def test_a_database_under_another_key_is_never_deserialised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, build = tmp_path / "patterns.db", Compiler()
    DatabaseFile(path, KEY[::-1]).database(EXPRESSIONS, Compiler())
    monkeypatch.setattr(hyperscan, "loadb", lambda *_: pytest.fail("deserialised"))
    DatabaseFile(path, KEY).database(EXPRESSIONS, build)
    assert build.builds == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: content[32:],
        lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:],
        lambda content: bytes([content[0] ^ 1]) + content[1:],
    ],
)
def test_a_damaged_file_is_never_deserialised_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes]
) -> None:
    path, build = tmp_path / "patterns.db", Compiler()
    DatabaseFile(path, KEY).database(EXPRESSIONS, Compiler())
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    with monkeypatch.context() as patched:
        patched.setattr(hyperscan, "loadb", lambda *_: pytest.fail("deserialised"))
        assert found(DatabaseFile(path, KEY).database(EXPRESSIONS, build), b"cat") == [0]
    assert build.builds == 1
    DatabaseFile(path, KEY).database(EXPRESSIONS, build)
    assert build.builds == 1


def test_what_hyperscan_refuses_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, build = tmp_path / "patterns.db", Compiler()
    with monkeypatch.context() as patched:
        patched.setattr(hyperscan, "dumpb", lambda _: b"of another version")
        DatabaseFile(path, KEY).database(EXPRESSIONS, build)
    assert found(DatabaseFile(path, KEY).database(EXPRESSIONS, build), b"cat") == [0]
    assert build.builds == 2


@pytest.mark.parametrize("place", ["missing/patterns.db", "file/patterns.db", "directory"])
def test_a_file_that_cannot_be_written_only_costs_time(
    tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    build = Compiler()
    assert found(DatabaseFile(tmp_path / place, KEY).database(EXPRESSIONS, build), b"cat") == [0]
    assert "cannot be kept" in caplog.text


def _start(path: Path, builds: multiprocessing.Queue[int], barrier: Barrier) -> None:
    build = Compiler()
    barrier.wait()
    DatabaseFile(path, KEY).database(EXPRESSIONS, build)
    builds.put(build.builds)


def test_of_many_that_start_at_the_same_time_one_builds(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    builds, barrier = context.Queue(), context.Barrier(4)
    processes = [context.Process(target=_start, args=(tmp_path / "patterns.db", builds, barrier)) for _ in range(4)]
    for process in processes:
        process.start()
    counts = [builds.get(timeout=10) for _ in processes]
    for process in processes:
        process.join()
    assert sorted(counts) == [0, 0, 0, 1]


def test_one_that_holds_the_lock_for_ever_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_WAITS_MAX", 2)
    path, inner, outer = tmp_path / "patterns.db", Compiler(), Compiler()

    def build() -> hyperscan.Database:
        DatabaseFile(path, KEY).database(EXPRESSIONS, inner)  # while we hold the lock
        return outer()

    DatabaseFile(path, KEY).database(EXPRESSIONS, build)
    assert (inner.builds, outer.builds) == (1, 1)


def test_a_loaded_prefilter_hits_as_a_built_one(tmp_path: Path) -> None:
    patterns = [
        [re.compile("cat", re.ASCII)],
        [re.compile(r"(['\"])x\1(?!y)", re.ASCII), re.compile("é+", re.ASCII | re.IGNORECASE)],
    ]
    text = "a cat 'x' \"x' 'x'y éé".encode()
    built = Prefilter(patterns).hits(text, 100)
    path = tmp_path / "patterns.db"
    assert Prefilter(patterns, DatabaseFile(path, KEY)).hits(text, 100) == built
    assert Prefilter(patterns, DatabaseFile(path, KEY)).hits(text, 100) == built
