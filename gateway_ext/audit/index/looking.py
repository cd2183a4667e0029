"""What is asked of the index besides conditions: pages with their cursors, places of records, how much there is."""

from __future__ import annotations

from dataclasses import replace

from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index.cursors import Direction, Position, write_cursor
from gateway_ext.audit.index.searching import IsOver, search
from gateway_ext.audit.index.steps import Query, Steps
from gateway_ext.audit.index.store import IndexStatus, LogPosition, Page, Place


def page(wanted: Filter, limit: int, position: Position, is_over: IsOver) -> Steps[Page]:
    """See store.Index.search, and `searching.search`."""
    found = yield from search(wanted, limit, position, is_over)
    of = yield from generation()
    onwards = write_cursor(found.reached, of) if found.reached else None
    backwards = None
    if found.entries:
        number, first = found.entries[0]
        back = Direction.NEWER if position.direction is Direction.OLDER else Direction.OLDER
        backwards = write_cursor(
            replace(position, direction=back, time_unix_nano=first.time_unix_nano, number=number), of
        )
    entries = tuple(each for _, each in found.entries)
    if position.direction is Direction.OLDER:
        return Page(entries, older=onwards, newer=backwards)
    return Page(entries[::-1], older=backwards, newer=onwards)


def generation() -> Steps[str]:
    [[text]] = yield Query("SELECT generation FROM generation")
    return str(text)


def places(entry_id: str) -> Steps[tuple[Place, ...]]:
    """See store.Index.places."""
    rows = yield Query(
        "SELECT log.name, record.segment, record.leaf FROM entry JOIN record ON record.number = entry.number"
        " JOIN log ON log.log = record.log WHERE entry.id = ? ORDER BY 1, 2, 3",
        [entry_id],
    )
    return tuple(Place(*row) for row in rows)


def segments(log: str) -> Steps[dict[int, int]]:
    """See store.Index.segments."""
    rows = yield Query(
        "SELECT segment, bytes FROM segment WHERE log = (SELECT log FROM log WHERE name = ?) ORDER BY segment", [log]
    )
    return {int(segment): int(size) for segment, size in rows}


def logs() -> Steps[frozenset[str]]:
    rows = yield Query("SELECT name FROM log")
    return frozenset(name for [name] in rows)


def status() -> Steps[IndexStatus]:
    [[entries]] = yield Query("SELECT count(*) FROM entry")
    [[records]] = yield Query("SELECT count(*) FROM record")
    rows = yield Query("SELECT name, segment, leaves, records FROM log ORDER BY name")
    return IndexStatus(entries, records, {name: LogPosition(*position) for name, *position in rows})
