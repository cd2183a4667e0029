"""The index answers as looking at all records would: whatever order they come in, whoever dies when, whatever is erased."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index import searching, stepwise
from gateway_ext.audit.index.cursors import Direction, Position, read_cursor
from gateway_ext.audit.index.entry import Field
from gateway_ext.audit.index.follower import Follower
from gateway_ext.audit.index.reading import Logs
from gateway_ext.audit.index.sqlite_index import SqliteIndex
from gateway_ext.audit.index.store import Chunk, IndexUnavailableError, LogPosition
from gateway_ext.audit.records import AuditRecord
from gateway_ext.exchange import Candidate
from tests.unit.audit.index.recorded import EU, ORDER, US, decision, event, outcome
from tests.unit.audit.index.segment_files import erase, write

PEOPLE, TEAMS, CLASSES = ("anna", "ben"), ("risk", "law"), ("secret", "personal")


class DyingIndex(SqliteIndex):
    """Dies before or after a commit, when it is told to."""

    dies: str = ""

    async def add(self, log: str, before: LogPosition, chunk: Chunk) -> bool:
        if self.dies == "before":
            raise IndexUnavailableError("died")
        done = await super().add(log, before, chunk)
        if self.dies == "after":
            raise IndexUnavailableError("died")
        return done


class Trail(RuleBasedStateMachine):
    """Logs of two processes and an index of them; `lines` is what lies in them."""

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.lines: dict[tuple[str, int], list[Event | None]] = {}
        self.newest = {"p0": 1, "p1": 1}
        self.clock = 0
        self.restart("")

    @rule(dies=st.sampled_from(["", "before", "after"]))
    def restart(self, dies: str) -> None:
        """Another follower, which does not get far, or does."""
        self.index = DyingIndex(self.directory / "audit-index.sqlite")
        self.logs = Logs(self.directory / "spool", self.directory / "archive", "gateway")
        self.index.dies = dies
        with suppress(IndexUnavailableError):
            asyncio.run(Follower(self.index, self.logs).catch_up())
        self.index.dies = ""

    @rule(
        process=st.sampled_from(["p0", "p1"]),
        exchange=st.integers(0, 7),
        subject=st.sampled_from(PEOPLE),
        team=st.sampled_from(TEAMS),
        classes=st.sets(st.sampled_from(CLASSES)),
        is_refused=st.booleans(),
    )
    def decide(self, process: str, exchange: int, subject: str, team: str, classes: set[str], is_refused: bool) -> None:
        reason = "budget_exhausted" if is_refused else ""
        self._write(
            process, decision(f"e{exchange}", subject=subject, team=team, classes=sorted(classes), reason=reason)
        )

    @rule(
        process=st.sampled_from(["p0", "p1"]),
        exchange=st.integers(0, 7),
        cost_nano=st.integers(0, 5),
        served_by=st.sampled_from([EU, US]),
    )
    def end(self, process: str, exchange: int, cost_nano: int, served_by: Candidate) -> None:
        self._write(process, outcome(f"e{exchange}", cost_nano=cost_nano, served_by=served_by))

    @rule(process=st.sampled_from(["p0", "p1"]))
    def order(self, process: str) -> None:
        self._write(process, ORDER)

    @rule(process=st.sampled_from(["p0", "p1"]))
    def begin_segment(self, process: str) -> None:
        self.newest[process] += 1

    @rule()
    def catch_up(self) -> None:
        asyncio.run(Follower(self.index, self.logs).catch_up())

    @rule(data=st.data())
    def erase_records(self, data: st.DataObject) -> None:
        """Of a segment that has been read, or has not, but is not written any more."""
        old = [key for key in self.lines if key[1] < self.newest[key[0]]]
        if old:
            process, segment = data.draw(st.sampled_from(old))
            leaves = data.draw(st.sets(st.integers(0, len(self.lines[process, segment]) - 1), min_size=1))
            erase(self._path(process, segment), leaves)
            for leaf in leaves:
                self.lines[process, segment][leaf] = None

    @rule(data=st.data())
    def erase_a_segment(self, data: st.DataObject) -> None:
        old = [key for key in self.lines if key[1] < self.newest[key[0]]]
        if old:
            key = data.draw(st.sampled_from(old))
            self._path(*key).unlink()
            del self.lines[key]

    @rule()
    def rebuild(self) -> None:
        asyncio.run(self.index.clear())

    @invariant()
    def answers_are_those_of_all_records(self) -> None:
        asyncio.run(self._compare())

    def teardown(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def _write(self, process: str, record: AuditRecord) -> None:
        self.clock += 1
        made = event(record, self.clock // 2, sequence=self.clock)
        if any(
            each and each.exchange_id == made.exchange_id and each.time_unix_nano == made.time_unix_nano
            for events in self.lines.values()
            for each in events
        ):
            self.clock += 1  # two exchanges may be of the same time, of one there is a later record
            made = event(record, self.clock // 2, sequence=self.clock)
        segment = self.newest[process]
        write(self.directory / "spool" / process, segment, made)
        self.lines.setdefault((process, segment), []).append(made)

    def _path(self, process: str, segment: int) -> Path:
        return self.directory / "spool" / process / f"{segment:010}.segment"

    async def _compare(self) -> None:
        follower = Follower(self.index, self.logs)
        await follower.catch_up()
        await follower.prune()
        exchanges: dict[str, list[Event]] = {}
        for events in self.lines.values():
            for each in events:
                if each is not None:
                    exchanges.setdefault(each.exchange_id or each.id, []).append(each)
        for wanted in QUESTIONS:
            expected = {key for key, events in exchanges.items() if answers(wanted, events)}
            found = await pages(self.index, wanted, 2)
            assert sorted(found) == sorted(expected), wanted.asks()
            times = [min(each.time_unix_nano for each in exchanges[key]) for key in found]
            assert times == sorted(times, reverse=True)
            assert (await pages(self.index, wanted, 3, Direction.NEWER))[::-1] == found


QUESTIONS = (
    Filter(),
    Filter({Field.SUBJECT: frozenset({"anna"})}),
    Filter({Field.TEAM: frozenset({"risk", "law"}), Field.PROVIDER: frozenset({"us"})}),
    Filter({Field.CLASS: frozenset(CLASSES), Field.SUBJECT: frozenset({"ben"})}),
    Filter({Field.REASON: frozenset({"budget_exhausted"})}, cost_nano_min=1),
    Filter({Field.EVENT: frozenset({"standing:stop:set", "request:outcome:settled"})}, 3, 9),
    Filter(cost_nano_max=2),
)


def answers(wanted: Filter, events: Sequence[Event]) -> bool:
    """By looking at the records, in another way than the index does."""
    decided = max((e for e in events if e.HasField("decision")), key=lambda e: e.time_unix_nano, default=None)
    ended = [e for e in events if e.HasField("outcome")]
    newest = [e.outcome for e in ended if e.time_unix_nano == max(each.time_unix_nano for each in ended)]
    said: Mapping[Field, set[str]] = {
        Field.SUBJECT: {decided.decision.principal.subject}
        if decided
        else {e.order.actor for e in events if e.order.actor},
        Field.TEAM: {decided.decision.principal.team} if decided else set(),
        Field.PROVIDER: {each.provider for each in newest},
        Field.CLASS: {found.data_class for e in events for found in e.decision.findings},
        Field.REASON: {e.decision.reason for e in events} - {""},
        Field.EVENT: {e.name for e in events},
    }
    costs = [each.cost_nano for each in newest]
    least = wanted.cost_nano_min if wanted.cost_nano_min is not None else -1
    most = wanted.cost_nano_max if wanted.cost_nano_max is not None else 2**63
    asks_cost = wanted.cost_nano_min is not None or wanted.cost_nano_max is not None
    return (
        all(said[kind] & values for kind, values in wanted.where.items())
        and wanted.since_unix_nano <= min(e.time_unix_nano for e in events) < wanted.until_unix_nano
        and (not asks_cost or any(least <= cost <= most for cost in costs))
    )


async def pages(index: SqliteIndex, wanted: Filter, limit: int, direction: Direction = Direction.OLDER) -> list[str]:
    """In the order of the direction."""
    found: list[str] = []
    position = Position(direction)
    while True:
        page = await index.search(wanted, limit, position)
        assert len(page.entries) <= limit
        entries = page.entries if direction is Direction.OLDER else page.entries[::-1]
        found += [entry.id for entry in entries]
        onwards = page.older if direction is Direction.OLDER else page.newer
        if onwards is None:
            return found
        position = read_cursor(onwards, await index.generation())


TestTrail = Trail.TestCase
TestTrail.settings = settings(max_examples=8, stateful_step_count=15, deadline=None)


@settings(max_examples=3, deadline=None)
@given(
    looked_at=st.lists(st.integers(1, 3), min_size=1, max_size=3), counted_max=st.integers(1, 4), is_over=st.booleans()
)
def test_however_little_is_looked_at_for_a_page(looked_at: list[int], counted_max: int, is_over: bool) -> None:
    before = searching.LOOKED_AT, searching.COUNTED_MAX, stepwise.PAGE_NS
    stepwise.PAGE_NS = 0 if is_over else stepwise.PAGE_NS
    searching.LOOKED_AT, searching.COUNTED_MAX = tuple(looked_at), counted_max
    trail = Trail()
    trail.begin()
    try:
        for number in range(12):
            served_by = (EU, US)[number % 2]
            trail.decide(
                "p0", number, PEOPLE[number % 2], TEAMS[number % 3 % 2], {CLASSES[number % 2]}, number % 4 == 0
            )
            trail.end("p1", number, number % 6, served_by)
        asyncio.run(trail._compare())
    finally:
        searching.LOOKED_AT, searching.COUNTED_MAX, stepwise.PAGE_NS = before
        trail.teardown()
