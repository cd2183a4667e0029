"""A disk that loses what was not synced. It keeps a journal of a writer's calls and makes what a power cut could leave.

Of a file each block, and the size, are as they were when its last finished fsync began, or after any write since. A name
is there for certain when its directory was synced after it was made. File systems lose less than that. Taken for
granted: a sector is written whole or not at all, and a disk that says it has stored has.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

BLOCK_BYTES = 32  # small, so that records lie in several
FSYNC_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class Made:
    """A file or directory, by its name."""

    path: Path
    is_directory: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """All that is in a file from now on."""

    path: Path
    content: bytes


@dataclass(frozen=True, slots=True)
class Synced:
    """An fsync has come to its end; what stood in the journal when it began is on the disk."""

    path: Path
    begun: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Somebody was told that this record is safe."""

    record: str


Entry = Made | Changed | Synced | Acknowledged


class JournallingDisk:
    """Everything below `root`, while `journalled`. `short_write_bytes`: so much of the next write to a segment is done."""

    def __init__(self, root: Path) -> None:
        self.journal: list[Entry] = []
        self.short_write_bytes: int | None = None
        self._root = root
        self._mutex = threading.RLock()
        self._real = {name: getattr(os, name) for name in ("open", "mkdir", "write", "ftruncate")}

    def acknowledge(self, record: str) -> None:
        with self._mutex:
            self.journal.append(Acknowledged(record))

    @contextmanager
    def journalled(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in (*self._real, "fsync"):
                patch.setattr(os, name, getattr(self, f"_{name}"))
            yield

    def _path(self, descriptor: int) -> Path | None:
        """None: it is not of this disk."""
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        return path if path.is_relative_to(self._root) else None

    def _open(self, path: Any, flags: int, *mode: int, **more: Any) -> int:
        with self._mutex:
            is_new = not os.path.lexists(path)
            descriptor: int = self._real["open"](path, flags, *mode, **more)
            if is_new and self._path(descriptor):
                self.journal.append(Made(Path(path), is_directory=False))
            return descriptor

    def _mkdir(self, path: Any, *mode: int, **more: Any) -> None:
        with self._mutex:
            self._real["mkdir"](path, *mode, **more)
            self.journal.append(Made(Path(path), is_directory=True))

    def _write(self, descriptor: int, data: bytes) -> int:
        with self._mutex:
            path = self._path(descriptor)
            if path is not None:
                data, self.short_write_bytes = data[: self.short_write_bytes], None
            written: int = self._real["write"](descriptor, data)
            if path is not None:
                self.journal.append(Changed(path, path.read_bytes()))
            return written

    def _ftruncate(self, descriptor: int, length: int) -> None:
        with self._mutex:
            self._real["ftruncate"](descriptor, length)
            path = self._path(descriptor)
            assert path is not None
            self.journal.append(Changed(path, path.read_bytes()))

    def _fsync(self, descriptor: int) -> None:
        begun, path = len(self.journal), self._path(descriptor)
        assert path is not None
        time.sleep(FSYNC_SECONDS)  # in which others write
        with self._mutex:
            self.journal.append(Synced(path, begun))


def leave(journal: Sequence[Entry], root: Path, target: Path, chance: random.Random) -> None:
    """Make at `target` what a power cut after the last entry could have left of `root`."""
    kept = {root}
    for number, entry in enumerate(journal):
        if not isinstance(entry, Made) or entry.path.parent not in kept:
            continue
        is_certain = any(isinstance(e, Synced) and e.path == entry.path.parent and e.begun > number for e in journal)
        if not is_certain and chance.random() < 0.5:
            continue
        kept.add(entry.path)
        left = target / entry.path.relative_to(root)
        if entry.is_directory:
            left.mkdir(parents=True)
        else:
            left.write_bytes(_content(_states(journal, entry.path), chance))


def _states(journal: Sequence[Entry], path: Path) -> list[bytes]:
    """The file as its last finished fsync found it, and after each write since."""
    begun = max((e.begun for e in journal if isinstance(e, Synced) and e.path == path), default=0)
    before = [e.content for e in journal[:begun] if isinstance(e, Changed) and e.path == path]
    since = [e.content for e in journal[begun:] if isinstance(e, Changed) and e.path == path]
    return [before[-1] if before else b"", *since]


def _content(states: list[bytes], chance: random.Random) -> bytes:
    lengths = [len(state) for state in states]
    length = chance.randint(min(lengths), max(lengths))
    blocks = []
    for start in range(0, length, BLOCK_BYTES):
        block = chance.choice(states)[start : start + BLOCK_BYTES]
        blocks.append(block.ljust(BLOCK_BYTES, b"\0"))
    return b"".join(blocks)[:length]
