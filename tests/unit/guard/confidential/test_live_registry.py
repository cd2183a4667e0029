from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.confidential.live_registry import POLL_SECONDS, Registry
from gateway_ext.guard.confidential.registry import document, save
from gateway_ext.guard.confidential.shingles import Shingler
from tests.unit.guard.confidential.writing import prose

KEY = b"k" * 32
SHINGLER = Shingler(KEY)


class HandClock(SystemClock):
    __slots__ = ("seconds",)

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def monotonic_ns(self) -> int:
        return int(self.seconds * 1e9)


def register(path: Path, *seeds: int) -> None:
    save(path, [document(prose(seed), str(seed), KEY, SHINGLER, 0) for seed in seeds], KEY)


def test_changes_are_picked_up_after_a_while_and_not_before(tmp_path: Path) -> None:
    path, clock = tmp_path / "documents.jsonl", HandClock()
    registry = Registry(path, KEY, clock)
    empty = registry.current()
    assert empty.spans([prose(1)]) == [[]]
    register(path, 1)
    assert registry.current() is empty
    clock.seconds = POLL_SECONDS
    for _ in range(500):
        if registry.current() is not empty:
            break
        time.sleep(0.01)
    assert registry.current().spans([prose(1)])[0]
    filled = registry.current()
    clock.seconds *= 2
    assert registry.current() is filled


def test_a_removed_document_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    register(path, 1, 2)
    registry = Registry(path, KEY)
    register(path, 2)
    assert registry.refresh()
    assert [bool(spans) for spans in registry.current().spans([prose(1), prose(2)])] == [False, True]


def test_a_lost_or_damaged_registry_changes_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "documents.jsonl"
    register(path, 1)
    registry = Registry(path, KEY)
    with caplog.at_level(logging.ERROR):
        path.unlink()
        assert not registry.refresh()
        path.write_text("{}")
        assert not registry.refresh()
        registry.refresh()
    assert len(caplog.records) == 2
    assert registry.current().spans([prose(1)])[0]
    register(path, 1, 2)
    assert registry.refresh()
    assert registry.current().spans([prose(2)])[0]


def test_a_damaged_registry_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "documents.jsonl"
    path.write_text("{")
    with pytest.raises(ConfigurationError):
        Registry(path, KEY)
