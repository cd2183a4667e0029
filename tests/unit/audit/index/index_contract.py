"""What every index must do. A backend's test file subclasses it and gives the fixture `index`: open and empty."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from gateway_ext.audit.events import EventName
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index.cursors import Direction, Position, read_cursor
from gateway_ext.audit.index.entry import Entry, Field
from gateway_ext.audit.index.store import Chunk, Index, LogPosition, Place
from gateway_ext.errors import ConfigurationError
from tests.unit.audit.index.recorded import EU, ORDER, US, Log, decision, event, outcome

ALL = Filter()


def where(**values: str | Iterable[str]) -> Filter:
    return Filter({Field(kind): frozenset((each,) if isinstance(each, str) else each) for kind, each in values.items()})


async def found(index: Index, wanted: Filter) -> list[Entry]:
    """All pages of it, the newest first."""
    entries: list[Entry] = []
    position = Position()
    while True:
        page = await index.search(wanted, 100, position)
        entries += page.entries
        if page.older is None:
            return entries
        position = read_cursor(page.older, await index.generation())


async def ids(index: Index, wanted: Filter) -> list[str]:
    return [entry.id for entry in await found(index, wanted)]


# Each with the entries that answer it, the newest first.
QUESTIONS = [
    (where(subject="anna"), ["e3", "e1"]),
    (where(subject=["anna", "ben"]), ["e3", "e2", "e1"]),
    (where(team="law"), ["e2"]),
    (where(application="app", project="p"), ["e3", "e2", "e1"]),
    (where(model="large"), ["e3", "e2", "e1"]),
    (where(served_model="large-2025"), ["e2"]),
    (where(provider="eu", jurisdiction="EU"), ["e1"]),
    (where(tier="open"), ["e2"]),
    (where(**{"class": "secret"}), ["e2"]),
    (where(**{"class": ["secret", "personal"]}), ["e2", "e1"]),
    (where(action="refuse"), ["e3"]),
    (where(reason="budget_exhausted"), ["e3"]),
    (where(flag="client_aborted"), ["e2"]),
    (where(status="200", policy="d1"), ["e2", "e1"]),
    (where(event="request:outcome:settled"), ["e2", "e1"]),
    (where(event="standing:stop:set"), ["r-40"]),
    (where(subject="olga", scope="model", value="large"), ["r-40"]),
    (where(exchange=["e1", "r-40", "unknown"]), ["r-40", "e1"]),
    (where(subject="anna", **{"class": "secret"}), []),
    (where(subject="nobody"), []),
    (Filter(since_unix_nano=20, until_unix_nano=40), ["e3", "e2"]),
    (Filter(cost_nano_min=500), ["e2", "e1"]),
    (Filter(cost_nano_min=1_001), ["e2"]),
    (Filter(cost_nano_max=1_000), ["e1"]),
    (Filter({Field.SUBJECT: frozenset({"anna"})}, 11, cost_nano_min=1), []),
    (Filter({Field.SUBJECT: frozenset()}), []),
]


class IndexContract:
    async def test_a_decision_and_its_outcome_are_one_entry_whichever_comes_first(self, index: Index) -> None:
        log, other = Log(index), Log(index, "gateway/p1")
        await log.write(event(decision("e1", classes=["personal"]), 10))
        await other.write(event(outcome("e1", cost_nano=7, flags=("recovered",)), 20))
        await other.write(event(outcome("e2"), 40))
        await log.write(event(decision("e2", subject="ben"), 30))
        newest, oldest = await found(index, ALL)
        assert (newest.id, newest.time_unix_nano, newest.value(Field.SUBJECT), newest.tier) == (
            *("e2", 30, "ben"),
            EU.tier,
        )
        assert (oldest.id, oldest.time_unix_nano, oldest.cost_nano) == ("e1", 10, 7)
        assert oldest.values(Field.FLAG) == {"recovered"}
        assert await index.places("e1") == (Place("gateway/p0", 0, 0), Place("gateway/p1", 0, 0))

    async def test_each_question_finds_what_answers_it(self, index: Index) -> None:
        await Log(index).write(
            event(decision("e1", classes=["personal"]), 10),
            event(outcome("e1"), 11),
            event(decision("e2", subject="ben", team="law", classes=["secret", "personal"]), 20),
            event(outcome("e2", cost_nano=5_000, served_by=US, flags=("client_aborted",)), 21),
            event(decision("e3", reason="budget_exhausted"), 30),
            event(ORDER, 40),
        )
        for wanted, expected in QUESTIONS:
            assert await ids(index, wanted) == expected, wanted.asks()

    async def test_pages_in_both_directions_hold_each_entry_once(self, index: Index) -> None:
        log = Log(index)
        times = [10, 20, 20, 20, 30, 40, 40, 50]
        await log.write(*(event(decision(f"e{number}"), at, sequence=number + 1) for number, at in enumerate(times)))
        of = await index.generation()
        whole = await ids(index, ALL)
        assert sorted(whole, reverse=True) == sorted((f"e{number}" for number in range(8)), reverse=True)
        for wanted in (ALL, where(subject="anna"), where(subject=["anna", "ben"]), where(action="forward")):
            down, page = [], await index.search(wanted, 3, Position())
            first = page
            while page.entries:
                down += [entry.id for entry in page.entries]
                last = page
                page = await index.search(wanted, 3, read_cursor(page.older, of)) if page.older else page
                if page is last:
                    break
            assert down == whole
            up = await index.search(wanted, 100, read_cursor(last.newer or "", of))
            assert [entry.id for entry in up.entries] + [entry.id for entry in last.entries] == whole
            assert up.newer is None
            assert first.newer is not None
            back = await index.search(wanted, 2, read_cursor(last.newer or "", of))
            assert [entry.id for entry in back.entries] == whole[: -len(last.entries)][-2:]

    async def test_what_comes_later_is_behind_the_newer_cursor(self, index: Index) -> None:
        log = Log(index)
        await log.write(event(decision("e1"), 10))
        page = await index.search(ALL, 10, Position())
        await log.write(event(decision("e2"), 20))
        newer = await index.search(ALL, 10, read_cursor(page.newer or "", await index.generation()))
        assert [entry.id for entry in newer.entries] == ["e2"]

    async def test_from_the_oldest_on(self, index: Index) -> None:
        await Log(index).write(*(event(decision(f"e{at}"), at) for at in (1, 2, 3)))
        page = await index.search(ALL, 2, Position(Direction.NEWER))
        assert [entry.id for entry in page.entries] == ["e2", "e1"]
        assert page.newer is not None

    async def test_records_count_once(self, index: Index) -> None:
        log = Log(index)
        assert await log.write(event(decision("e1"), 10))
        behind = LogPosition()
        assert not await index.add(log.name, behind, Chunk((), log.position))  # another follower was faster
        assert await index.position(log.name) == LogPosition(0, 1, 1)
        status = await index.status()
        assert (status.entries, status.records) == (1, 1)
        assert status.positions == {log.name: LogPosition(0, 1, 1)}

    async def test_answers_and_scores_belong_to_their_exchange(self, index: Index) -> None:
        withheld = decision("e1", name=EventName.ANSWER_INSPECTED, action="withhold", classes=["harmful"])
        await Log(index).write(event(decision("e1"), 10), event(withheld, 12))
        [entry] = await found(index, where(action="withhold", **{"class": "harmful"}))
        assert entry.event == "request:decision:forwarded"
        assert entry.values(Field.ACTION) == {"forward", "withhold"}

    async def test_forgetting_leaves_what_other_records_say(self, index: Index) -> None:
        log, other = Log(index), Log(index, "gateway/p1")
        await log.write(event(decision("e1", classes=["secret"]), 10), event(decision("e2"), 11))
        await other.write(event(outcome("e1", cost_nano=7), 20))
        log.events.clear()

        def read(places: object) -> list[object]:
            return [each for place, each in other.events.items() if place in places]  # type: ignore[operator]

        assert await index.forget(log.name, 0, frozenset({0}), 50, read) == 1  # type: ignore[arg-type]
        assert await index.forget(log.name, 0, frozenset({0}), 50, read) == 0  # type: ignore[arg-type]
        [entry] = await found(index, where(exchange="e1"))
        assert (entry.decided, entry.cost_nano, entry.time_unix_nano) == (None, 7, 20)
        assert await ids(index, where(**{"class": "secret"})) == []
        assert await ids(index, where(subject="anna")) == ["e2"]
        assert await index.segments(log.name) == {0: 50}
        assert await index.places("e1") == (Place("gateway/p1", 0, 0),)

    async def test_forgetting_a_segment(self, index: Index) -> None:
        log = Log(index)
        await log.write(event(decision("e1"), 10), event(outcome("e1"), 11))
        assert await index.forget(log.name, 0, None, 0, lambda _: []) == 2
        assert await found(index, ALL) == []
        assert await index.segments(log.name) == {}
        assert await index.position(log.name) == LogPosition(0, 2, 2)  # what follows goes on from there
        assert await index.forget("gateway/unknown", 0, None, 0, lambda _: []) == 0

    async def test_begun_anew_it_holds_nothing_and_takes_no_older_cursor(self, index: Index) -> None:
        log = Log(index)
        await log.write(*(event(decision(f"e{at}"), at) for at in (1, 2)))
        page = await index.search(ALL, 1, Position())
        await index.clear()
        assert await found(index, ALL) == []
        assert await index.position(log.name) == LogPosition()
        with pytest.raises(ConfigurationError, match="made anew"):
            read_cursor(page.older or "", await index.generation())

    async def test_optimizing_changes_nothing(self, index: Index) -> None:
        await Log(index).write(event(decision("e1"), 1))
        await index.optimize()
        assert await ids(index, ALL) == ["e1"]
