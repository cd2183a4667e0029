"""How a page is found: led by the rarest of the conditions in the order of time, the others looked at on the way.

No page looks at more than LOOKED_AT_MAX entries, nor begins to look at more when its time is over, so that it takes the same
short time whatever is asked: one that finds too little ends where it has come to, and the next goes on there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_ext.audit.filters import TIME_UNIX_NANO_MAX, Filter
from gateway_ext.audit.index.cursors import Direction, Position
from gateway_ext.audit.index.entry import MARKS, Entry, Field, mark
from gateway_ext.audit.index.rows import entry
from gateway_ext.audit.index.schema import COLUMNS, INDEXED
from gateway_ext.audit.index.steps import Query, Steps, marks

LOOKED_AT: tuple[int, ...] = (512, 1_536, 2_048, 2_048, 2_048)  # at once; most pages are full after the first
LOOKED_AT_MAX = sum(LOOKED_AT)
COUNTED_MAX = 2_000  # a condition that more entries meet than that is not rare
IsOver = Callable[[], bool]

_SELECT = ", ".join(f"entry.{name}" for name in COLUMNS)


@dataclass(frozen=True, slots=True)
class Condition:
    """`column` of `table` has one of the values; of costs: lies between two. None: any of it."""

    table: str = "entry"
    column: str = ""
    values: tuple[Any, ...] = ()
    is_range: bool = False

    def sql(self, values: int) -> str:
        """As a test of that many values. Its parameters are the values."""
        if self.is_range:
            return f"{self.table}.{self.column} BETWEEN ? AND ?"
        return f"{self.table}.{self.column} IN ({marks('?' * values)})" if self.column else "1 = 1"


ANY_TIME = Condition()


@dataclass(frozen=True, slots=True)
class Found:
    """In the direction of the search. `reached`: where the next page begins; None: there is nothing more."""

    entries: Sequence[tuple[int, Entry]]
    reached: Position | None


def conditions(wanted: Filter) -> list[Condition]:
    """All of a filter's, except those of time; those that lead first are the ones preferred when none is rare."""
    found = []
    for kind in (Field.EXCHANGE, *INDEXED, *MARKS[::-1], *Field):
        values = tuple(sorted(wanted.where.get(kind, ())))
        if kind in MARKS and values:
            condition = Condition("mark", "mark", tuple(mark(kind, value) for value in values))
        else:
            condition = Condition("entry", "id" if kind is Field.EXCHANGE else kind.value, values)
        if values and condition not in found:
            found.append(condition)
    if wanted.cost_nano_min is not None or wanted.cost_nano_max is not None:
        least = 0 if wanted.cost_nano_min is None else wanted.cost_nano_min
        most = TIME_UNIX_NANO_MAX if wanted.cost_nano_max is None else wanted.cost_nano_max
        found.append(Condition("entry", "cost_nano", (least, most), is_range=True))
    return found


def search(wanted: Filter, limit: int, position: Position, is_over: IsOver) -> Steps[Found]:
    """The next entries behind a position, in its direction: at most `limit`. `is_over`: whether the page's time is."""
    if any(not values for values in wanted.where.values()):
        return Found((), None)
    every = conditions(wanted)
    leader = yield from _leader(every, wanted, position)
    if leader is None:
        return Found((), None)
    others = [each for each in every if each != leader]
    found: list[tuple[int, Entry]] = []
    for looked_at in LOOKED_AT:
        rows = yield _matches(leader, others, wanted, position, looked_at, limit + 1 - len(found))
        found += map(entry, rows)
        if len(found) > limit:
            found.pop()
            number, last = found[-1]
            return Found(found, Position(position.direction, last.time_unix_nano, number))
        last_row = yield _last_looked_at(leader, wanted, position, looked_at)
        if not last_row:
            return Found(found, None)
        position = Position(position.direction, *last_row[0])
        if is_over():
            break
    return Found(found, position)


def _leader(every: Sequence[Condition], wanted: Filter, position: Position) -> Steps[Condition | None]:
    """The condition that the fewest entries meet. None: one that none meets."""
    rarest, fewest = ANY_TIME, COUNTED_MAX
    preferred: Condition | None = None
    for each in every:
        if each.table == "entry" and each.column not in {*INDEXED, "id", "cost_nano"}:
            continue
        [[count]] = yield _count(each, wanted, position)
        if count == 0:
            return None
        if count < fewest:
            rarest, fewest = each, count
        if preferred is None and not each.is_range:
            preferred = each
    return rarest if fewest < COUNTED_MAX else preferred or ANY_TIME


def _count(condition: Condition, wanted: Filter, position: Position) -> Query:
    """Up to COUNTED_MAX. Costs are not in the order of time: theirs are of all times."""
    if condition.is_range:
        where, parameters = condition.sql(2), list(condition.values)
    else:
        where, parameters = _within(condition.table, wanted, position)
        where, parameters = (
            f"{condition.sql(len(condition.values))} AND {where}",
            [*condition.values, *parameters],
        )
    inner = f"SELECT 1 FROM {condition.table} WHERE {where} LIMIT {COUNTED_MAX}"  # noqa: S608  (names of columns; values are parameters)
    return Query(f"SELECT count(*) FROM ({inner}) AS counted", parameters)  # noqa: S608


def _matches(
    leader: Condition, others: Sequence[Condition], wanted: Filter, position: Position, looked_at: int, limit: int
) -> Query:
    walk, parameters = _walk(leader, wanted, position, looked_at)
    tests = ["1 = 1"]
    for each in others:
        test = each.sql(len(each.values))
        if each.table == "mark":
            test = f"EXISTS (SELECT 1 FROM mark WHERE {test} AND mark.time = walk.time AND mark.number = walk.number)"  # noqa: S608
        tests.append(test)
        parameters += each.values
    way = _way(position)
    return Query(
        f"SELECT {_SELECT} FROM ({walk}) AS walk JOIN entry ON entry.number = walk.number"  # noqa: S608
        f" WHERE {' AND '.join(tests)} ORDER BY walk.time {way}, walk.number {way} LIMIT ?",
        [*parameters, limit],
    )


def _last_looked_at(leader: Condition, wanted: Filter, position: Position, looked_at: int) -> Query:
    walk, parameters = _walk(leader, wanted, position, looked_at)
    way = _way(position)
    return Query(
        f"SELECT time, number FROM ({walk}) AS walk ORDER BY time {way}, number {way} LIMIT 1 OFFSET ?",  # noqa: S608
        [*parameters, looked_at - 1],
    )


def _walk(leader: Condition, wanted: Filter, position: Position, looked_at: int) -> tuple[str, list[Any]]:
    """Times and numbers of the next entries that meet the leading condition."""
    within, bounds = _within("led" if leader.is_range else leader.table, wanted, position)
    way = _way(position)
    order = f"WHERE {within} ORDER BY time {way}, number {way} LIMIT ?"
    if leader.is_range:  # few, and not in the order of time: fetched first
        few = f"WITH led AS MATERIALIZED (SELECT time, number FROM entry WHERE {leader.sql(2)})"  # noqa: S608
        return f"{few} SELECT time, number FROM led {order}", [*leader.values, *bounds, looked_at]  # noqa: S608
    if not leader.column:
        return f"SELECT time, number FROM entry {order}", [*bounds, looked_at]  # noqa: S608
    each = order.replace("WHERE", f"WHERE {leader.table}.{leader.column} = ? AND", 1)
    one = f"SELECT time, number FROM {leader.table} {each}"  # noqa: S608
    if len(leader.values) == 1:
        return one, [*leader.values, *bounds, looked_at]
    # Each value by itself is in the order of time; an entry that has several of them is one.
    several = " UNION ".join(f"SELECT * FROM ({one}) AS led" for _ in leader.values)  # noqa: S608
    parameters = [parameter for value in leader.values for parameter in (value, *bounds, looked_at)]
    return f"SELECT time, number FROM ({several}) AS every ORDER BY time {way}, number {way} LIMIT ?", [  # noqa: S608
        *parameters,
        looked_at,
    ]


def _within(table: str, wanted: Filter, position: Position) -> tuple[str, list[Any]]:
    where, parameters = f"{table}.time >= ? AND {table}.time < ?", [wanted.since_unix_nano, wanted.until_unix_nano]
    if position.time_unix_nano is None:
        return where, parameters
    sign = "<" if position.direction is Direction.OLDER else ">"
    # The first of the two says nothing new: by it every database finds the place in its index.
    where += f" AND {table}.time {sign}= ? AND ({table}.time, {table}.number) {sign} (?, ?)"
    return where, [*parameters, position.time_unix_nano, position.time_unix_nano, position.number]


def _way(position: Position) -> str:
    return "DESC" if position.direction is Direction.OLDER else "ASC"
