"""How records come into the index, each exactly once, and how they leave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from gateway_ext.audit.index.entry import Entry, entries_of, entry_id
from gateway_ext.audit.index.rows import entry, row
from gateway_ext.audit.index.schema import COLUMNS
from gateway_ext.audit.index.steps import Insert, Many, Query, ReadRecords, Steps, marks
from gateway_ext.audit.index.store import Chunk, LogPosition, Place

AT_ONCE = 500  # parameters of a statement
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM entry WHERE"  # noqa: S608  (constant)
Value = TypeVar("Value")

_MARK = ("mark", "time", "number")


def position(log: str) -> Steps[LogPosition]:
    rows = yield Query("SELECT segment, leaves, records FROM log WHERE name = ?", [log])
    return LogPosition(*rows[0]) if rows else LogPosition()


def add(log: str, before: LogPosition, chunk: Chunk) -> Steps[bool]:
    """See store.Index.add."""
    if (yield from position(log)) != before:
        return False
    log_number = yield from _note(log, chunk)
    joined = entries_of(record.event for record in chunk.records)
    known = yield from _known(list(joined))
    [[next_number]] = yield Query("SELECT coalesce(max(number), 0) + 1 FROM entry")
    changes: dict[int, tuple[Entry | None, Entry]] = {}
    numbers: dict[str, int] = {}
    for key, new in joined.items():
        number, old = known.get(key, (next_number, None))
        if old is None:
            next_number += 1
        numbers[key] = number
        whole = old.joined(new) if old else new
        if whole != old:
            changes[number] = old, whole
    yield from _write(changes)
    placed = [
        (log_number, record.place.segment, record.place.leaf, numbers[key])
        for record in chunk.records
        if (key := entry_id(record.event)) in numbers
    ]
    yield Insert("record", ("log", "segment", "leaf", "number"), placed)
    return True


def forget(log: str, segment: int, leaves: frozenset[int] | None, segment_bytes: int) -> Steps[int]:
    """See store.Index.forget."""
    log_number = yield from _log_number(log)
    if log_number is None:
        return 0
    yield from _seen(log_number, segment, None if leaves is None else segment_bytes)
    rows = yield Query("SELECT leaf, number FROM record WHERE log = ? AND segment = ?", [log_number, segment])
    gone = {leaf: number for leaf, number in rows if leaves is None or leaf in leaves}
    old = yield from _rows(sorted(set(gone.values())))
    yield Many(
        "DELETE FROM record WHERE log = ? AND segment = ? AND leaf = ?", [(log_number, segment, leaf) for leaf in gone]
    )
    left: dict[int, list[Place]] = {number: [] for number in old}
    for some in _portions(list(old)):
        rows = yield Query(
            "SELECT record.number, log.name, record.segment, record.leaf FROM record JOIN log ON log.log = record.log"  # noqa: S608
            f" WHERE record.number IN ({marks(some)})",
            some,
        )
        for number, *place in rows:
            left[number].append(Place(*place))
    rows = yield ReadRecords(sorted(place for places in left.values() for place in places))
    joined = entries_of(event for [event] in rows)
    kept = {number: joined.get(each.id) for number, each in old.items()}
    yield from _delete(old)
    yield from _write({number: (None, new) for number, new in kept.items() if new})
    yield Many("DELETE FROM record WHERE number = ?", [(number,) for number, new in kept.items() if new is None])
    return len(gone)


def _note(log: str, chunk: Chunk) -> Steps[int]:
    """Keep how far a log was read. The log's number."""
    after = chunk.position
    number = yield from _log_number(log)
    if number is None:
        [[number]] = yield Query("SELECT coalesce(max(log), 0) + 1 FROM log")
        yield Insert("log", ("log", "name", "segment", "leaves", "records"), [(number, log, 0, 0, 0)])
    yield Many(
        "UPDATE log SET segment = ?, leaves = ?, records = ? WHERE log = ?",
        [(after.segment, after.leaves, after.records, number)],
    )
    yield from _seen(number, after.segment, chunk.segment_bytes)
    return number


def _log_number(log: str) -> Steps[int | None]:
    rows = yield Query("SELECT log FROM log WHERE name = ?", [log])
    return int(rows[0][0]) if rows else None


def _seen(log_number: int, segment: int, segment_bytes: int | None) -> Steps[None]:
    """Keep how large a segment is; None: it is no more."""
    yield Many("DELETE FROM segment WHERE log = ? AND segment = ?", [(log_number, segment)])
    if segment_bytes is not None:
        yield Insert("segment", ("log", "segment", "bytes"), [(log_number, segment, segment_bytes)])


def _known(ids: Sequence[str]) -> Steps[dict[str, tuple[int, Entry]]]:
    known: dict[str, tuple[int, Entry]] = {}
    for some in _portions(ids):
        rows = yield Query(f"{_SELECT} id IN ({marks(some)})", some)
        known |= {each.id: (number, each) for number, each in map(entry, rows)}
    return known


def _rows(numbers: Sequence[int]) -> Steps[dict[int, Entry]]:
    found: dict[int, Entry] = {}
    for some in _portions(numbers):
        rows = yield Query(f"{_SELECT} number IN ({marks(some)})", some)
        found |= dict(map(entry, rows))
    return found


def _write(changes: Mapping[int, tuple[Entry | None, Entry]]) -> Steps[None]:
    """Put entries in the place of what was there, by number."""
    old = {number: was for number, (was, _) in changes.items() if was}
    moved = {number: was for number, was in old.items() if was.time_unix_nano != changes[number][1].time_unix_nano}
    yield Many("DELETE FROM entry WHERE number = ?", [(number,) for number in old])
    yield from _delete_marks(moved)
    yield Insert("entry", COLUMNS, [row(number, new) for number, (_, new) in changes.items()])
    new_marks = []
    for number, (was, new) in changes.items():
        there = was.marks if was and number not in moved else frozenset()
        new_marks += [(mark, new.time_unix_nano, number) for mark in new.marks - there]
    yield Insert("mark", _MARK, sorted(new_marks))


def _delete(entries: Mapping[int, Entry]) -> Steps[None]:
    yield Many("DELETE FROM entry WHERE number = ?", [(number,) for number in entries])
    yield from _delete_marks(entries)


def _delete_marks(entries: Mapping[int, Entry]) -> Steps[None]:
    yield Many(
        "DELETE FROM mark WHERE mark = ? AND time = ? AND number = ?",
        [(mark, each.time_unix_nano, number) for number, each in entries.items() for mark in sorted(each.marks)],
    )


def _portions(values: Sequence[Value]) -> list[Sequence[Value]]:
    return [values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE)]
