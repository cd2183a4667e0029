from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

import hyperscan
import pytest

from gateway_ext.guard import databases, installed_patterns
from gateway_ext.guard.databases import DatabaseFile, Expression, all_compiled, compiled
from gateway_ext.guard.engine import GuardEngine
from gateway_ext.guard.installed_patterns import install, installed
from gateway_ext.guard.prefilter import Prefilter

EXPRESSIONS: list[Expression] = [(0, b"cat", 0), (1, b"dog", 0)]
KEY = b"0123456789abcdef"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process takes an installation's databases from, with nothing in it; and it has compiled none yet."""
    monkeypatch.setattr(installed_patterns, "DIRECTORY", tmp_path / "compiled")
    monkeypatch.setattr(databases, "_compiled", {})
    return tmp_path / "compiled"


def found(database: hyperscan.Database, data: bytes) -> list[int]:
    hits: list[int] = []
    database.scan(data, match_event_handler=lambda index, *_: hits.append(index), scratch=hyperscan.Scratch(database))
    return hits


def forget_and_refuse_to_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_compiled", {})
    databases._platform()  # compiles a pattern of its own, once
    monkeypatch.setattr(databases, "_compile", lambda _: pytest.fail("compiled"))


def test_what_is_installed_is_not_compiled(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled(EXPRESSIONS)
    size = install(all_compiled(), place)
    assert size == sum(path.stat().st_size for path in place.iterdir())
    forget_and_refuse_to_compile(monkeypatch)
    assert found(compiled(EXPRESSIONS), b"dog, cat") == [1, 0]


def test_equal_patterns_are_held_once(place: Path) -> None:
    assert compiled(EXPRESSIONS) is compiled(list(EXPRESSIONS))
    assert compiled(EXPRESSIONS) is not compiled(EXPRESSIONS[:1])


@pytest.mark.parametrize("other", [EXPRESSIONS[::-1], EXPRESSIONS[:1], [(0, b"cat", 1), (1, b"dog", 0)]])
def test_other_patterns_are_compiled(place: Path, other: list[Expression]) -> None:
    compiled(other)
    install(all_compiled(), place)
    databases._compiled.clear()
    assert found(compiled(EXPRESSIONS), b"dog, cat") == [1, 0]


def test_those_for_another_library_or_processor_are_not_taken(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled(EXPRESSIONS)
    install(all_compiled(), place)
    databases._compiled.clear()
    monkeypatch.setattr(hyperscan, "loadb", lambda *_: pytest.fail("deserialised"))
    monkeypatch.setattr(databases, "_platform", lambda: ("another one",))
    assert found(compiled(EXPRESSIONS), b"cat") == [0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:2000] + bytes([content[2000] ^ 1]) + content[2001:],
    ],
)
def test_a_damaged_one_is_not_taken(place: Path, damage: Callable[[bytes], bytes]) -> None:
    compiled(EXPRESSIONS)
    install(all_compiled(), place)
    (path,) = place.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    databases._compiled.clear()
    assert found(compiled(EXPRESSIONS), b"cat") == [0]


def test_what_was_installed_before_makes_room(place: Path) -> None:
    compiled(EXPRESSIONS)
    install(all_compiled(), place)
    (old,) = place.iterdir()
    databases._compiled.clear()
    compiled(EXPRESSIONS[:1])
    install(all_compiled(), place)
    (new,) = place.iterdir()
    assert new.name != old.name
    assert stat.S_IMODE(new.stat().st_mode) == 0o644


def test_the_state_directory_keeps_nothing_that_is_installed(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patterns = [[re.compile("cat", re.ASCII)], [re.compile(r"(?P<trigger>dog)[^\n]*\d", re.ASCII)]]
    built = Prefilter(patterns).hits(b"a cat\na dog 1", 100)
    install(all_compiled(), place)
    forget_and_refuse_to_compile(monkeypatch)
    state = tmp_path / "state"
    state.mkdir()
    assert Prefilter(patterns, DatabaseFile(state / "patterns.db", KEY)).hits(b"a cat\na dog 1", 100) == built
    assert list(state.iterdir()) == []


def test_nothing_is_installed_under_an_unknown_identity(place: Path) -> None:
    assert installed(bytes(32)) is None


def test_a_whole_guard_starts_without_compiling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    GuardEngine(KEY).close()
    install(all_compiled(), tmp_path)
    monkeypatch.setattr(installed_patterns, "DIRECTORY", tmp_path)
    forget_and_refuse_to_compile(monkeypatch)
    GuardEngine(KEY).close()
