"""What is left of a spool's budget and of its disk: told once, and kept free for what is owed."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.cursor import Cursor, save_cursor
from gateway_ext.audit.segments import segment_path
from gateway_ext.audit.spool_room import SpoolRoom

BLOCK_BYTES = 1000


@dataclass
class Clock:
    seconds: float = 0.0

    def monotonic_ns(self) -> int:
        return int(self.seconds * 1e9)


class World:
    """A directory with one segment, on a disk of 100 blocks, of which 5 are root's."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.clock = Clock()
        self.free_blocks = 95
        self.blocks = 100
        self.room = SpoolRoom(directory, self.clock, bytes_max=10_000, reserve_bytes=3 * BLOCK_BYTES)
        monkeypatch.setattr(os, "statvfs", self._statvfs)
        self.holds(0)
        self.room.measure()

    def _statvfs(self, path: Path) -> Any:
        @dataclass
        class Told:
            f_blocks = self.blocks
            f_bfree = self.free_blocks + 5
            f_bavail = self.free_blocks
            f_frsize = BLOCK_BYTES

        return Told()

    def holds(self, count_bytes: int) -> None:
        segment_path(self.directory, 1).write_bytes(bytes(count_bytes))

    def later(self) -> None:
        self.clock.seconds += 1
        self.room.watch()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_what_is_appended_counts_between_measurements(world: World) -> None:
    world.room.appended(9_000)
    assert world.room.fill == 0.9
    world.holds(9_000)
    world.room.measure()
    assert world.room.fill == 0.9
    assert world.room.lack(1_000) == ""
    assert world.room.lack(1_001) == "10000 bytes wait for delivery"


def test_delivery_gives_room_back_before_anything_is_refused(world: World) -> None:
    world.room.appended(10_000)
    world.holds(10_000)
    assert world.room.lack(1)
    save_cursor(world.directory, Cursor(segment=1, offset=5_000))
    assert world.room.lack(1) == ""
    assert world.room.fill == 0.5


def test_a_reserve_of_the_disk_is_kept(world: World) -> None:
    world.free_blocks = 4
    assert world.room.lack(1_000) == "", "as it was measured last"
    world.room.measure()
    assert world.room.lack(1_000) == ""
    assert world.room.lack(1_001) == "less than 3000 bytes are free on its disk"
    world.free_blocks = 5
    assert world.room.lack(1_001) == "", "it looks again before it says no"


def test_a_file_system_that_does_not_tell_has_no_reserve(world: World) -> None:
    world.blocks = world.free_blocks = 0
    world.room.measure()
    assert world.room.lack(5_000) == ""
    assert world.room.disk_fill == 0


def test_of_a_full_budget_is_told_once_and_once_of_its_end(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    for count_bytes in (7_999, 8_000, 9_000, 7_600, 8_000, 7_499, 7_999):
        world.holds(count_bytes)
        world.later()
    assert [each.getMessage().partition(": ")[2] for each in caplog.records] == [
        "80 % full; is the collector reachable?",
        "less full again",
    ]


def test_of_a_full_disk_likewise(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """What is used of what the gateway may use, as df shows it: 95 blocks here."""
    caplog.set_level(logging.WARNING)
    for free_blocks in (20, 19, 1, 23, 24, 20):
        world.free_blocks = free_blocks
        world.later()
    assert [each.getMessage().partition(": ")[2] for each in caplog.records] == [
        "its disk is 80 % full",
        "its disk is less full again",
    ]


def test_it_measures_once_a_second(world: World) -> None:
    world.holds(5_000)
    world.room.watch()
    assert world.room.fill == 0
    world.later()
    assert world.room.fill == 0.5


def test_what_cannot_be_measured_stays_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.room.appended(5_000)
    world.holds(5_000)

    def failing(path: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "statvfs", failing)
    world.later()
    assert world.room.fill == 0.5
    assert "cannot be measured (Permission denied)" in caplog.text
