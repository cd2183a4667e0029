"""What processes hold at a moment, from the kernel's accounting (proc(5)): memory, descriptors, threads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Held:
    """`pss` counts what is shared with other processes by its share (smaps_rollup), `rss` in full. In KiB."""

    rss_kib: int
    pss_kib: int
    descriptors: int
    threads: int

    def __add__(self, other: Held) -> Held:
        return Held(
            self.rss_kib + other.rss_kib,
            self.pss_kib + other.pss_kib,
            self.descriptors + other.descriptors,
            self.threads + other.threads,
        )


def held(pids: Iterable[int]) -> Held:
    """By these processes together. Raises FileNotFoundError or ProcessLookupError for one that has ended."""
    return sum(map(_held_by, pids), Held(0, 0, 0, 0))


def _held_by(pid: int) -> Held:
    process = Path(f"/proc/{pid}")
    memory = _numbers(process / "smaps_rollup")
    threads = _numbers(process / "status")["Threads"]
    return Held(memory["Rss"], memory["Pss"], sum(1 for _ in (process / "fd").iterdir()), threads)


def _numbers(file: Path) -> dict[str, int]:
    """The lines `Name: number [kB]` of a file."""
    found = {}
    for line in file.read_text().splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if words and words[0].isdecimal():
            found[name] = int(words[0])
    return found
