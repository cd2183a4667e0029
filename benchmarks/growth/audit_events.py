"""How the audit trail grows with its records: append, sign, prove, find, search and verify.

Two logs of two processes, signed, with a search index (the shape of benchmarks/audit/search.py); proofs are of one of them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.audit.append import typical_record
from benchmarks.audit.export import ORIGIN, prepare
from benchmarks.audit.search import PEOPLE, build
from benchmarks.growth import cpu
from benchmarks.growth.growth import Growth
from gateway_ext.audit.checkpoint_keys import load_or_make_key
from gateway_ext.audit.checkpointer import Checkpointer
from gateway_ext.audit.encoding import decode_event
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index.cursors import Position
from gateway_ext.audit.index.entry import Field
from gateway_ext.audit.index.sqlite_index import SqliteIndex
from gateway_ext.audit.proving import ProvableLog
from gateway_ext.audit.segments import segment_numbers, segment_path
from gateway_ext.audit.spool import Spool
from gateway_ext.audit.verification import Records, verify_by_root
from gateway_ext.clock import SystemClock

DIMENSION = "audit events"
COUNTS = (1_000, 10_000, 100_000, 1_000_000)
LANE = "processor-0"
APPENDED = 1_000
IDS = 8
PAGE = 50


@dataclass(frozen=True, slots=True)
class Trail:
    """A state directory with so many records, `count` in both logs together."""

    root: Path
    count: int
    index: SqliteIndex
    chance: random.Random
    ids: tuple[str, ...]  # of records of the log, drawn at random

    @property
    def log(self) -> ProvableLog:
        return log_below(self.root)


def log_below(root: Path) -> ProvableLog:
    return ProvableLog(*(root / part / LANE for part in ("spool", "trees", "archive")))


def some_ids(log: ProvableLog, chance: random.Random) -> tuple[str, ...]:
    places = [chance.randrange(log.checkpoint.size) for _ in range(IDS)]
    return tuple(decode_event(log.record_at(place).record).id for place in places)


async def measure(root: Path, counts: tuple[int, ...] = COUNTS, turns: int = 3) -> list[Growth]:
    trails: dict[int, Trail] = {}
    built: dict[int, float] = {}
    for count in counts:
        state = root / f"trail-{count}"
        prepare(state, count)
        index = SqliteIndex(state / "audit-index.sqlite")
        built[count] = await cpu.once(partial(build, index, state / "spool"))
        chance = random.Random(count)
        trails[count] = Trail(state, count, index, chance, some_ids(log_below(state), chance))

    async def growth(what: str, work: Callable[[Trail], object], each: int = 1) -> Growth:
        async def once(count: int) -> None:
            done = work(trails[count])
            if asyncio.iscoroutine(done):
                await done

        async def cost(count: int) -> float:
            return await cpu.milliseconds(partial(once, count)) / each

        return Growth(DIMENSION, what, "records", "ms", counts, await cpu.taking_turns(counts, cost, turns))

    return [
        await growth("append a record", _append, APPENDED),
        await growth("sign a checkpoint", _sign),
        await growth("prove that a record is in the log", _prove),
        await growth("find a record by its id", _find),
        await growth("a page of a person's requests", _search),
        await growth("verify all", _verify),
        Growth(DIMENSION, "make the search index", "records", "ms", counts, tuple(built[count] for count in counts)),
    ]


def _append(trail: Trail) -> None:
    spool = Spool(
        trail.root / "spool", "processor-9", SystemClock()
    )  # a log of its own, so that the others stay as they are
    record = typical_record()
    for _ in range(APPENDED):
        spool.append(record)
    spool.close()


def _sign(trail: Trail) -> None:
    """What `_append` has added since, by a checkpointer that starts on these logs."""
    signer = load_or_make_key(trail.root / "checkpoint.key")
    roots = trail.root / "spool", trail.root / "trees", trail.root / "archive"
    checkpointer = Checkpointer(*roots, ORIGIN, signer, SystemClock(), 10, APPENDED)
    checkpointer.step(at_once=True)
    checkpointer.close()


def _prove(trail: Trail) -> None:
    log = trail.log
    log.inclusion(log.record_at(trail.chance.randrange(log.checkpoint.size)))


def _find(trail: Trail) -> None:
    assert trail.log.find(trail.chance.choice(trail.ids)) is not None


async def _search(trail: Trail) -> None:
    person = f"user{trail.chance.randrange(PEOPLE)}@example.com"
    await trail.index.search(Filter({Field.SUBJECT: frozenset({person})}), PAGE, Position())


def _verify(trail: Trail) -> None:
    directory = trail.root / "spool" / LANE
    records = Records(lambda: (segment_path(directory, each).read_bytes() for each in segment_numbers(directory)))
    assert not verify_by_root(records, trail.log.checkpoint).fault
