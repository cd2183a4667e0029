"""Erases what is due in the archive: announced first, then segment by segment, each replaced as a whole by a new one.

At any moment each segment is the old one or the new one. What was announced but not done is done, and announced again, by
the next run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway_ext.audit.checkpoint_file import CheckpointFile
from gateway_ext.audit.erased import Leaf, leaves, segment_of
from gateway_ext.audit.erasures import reason_for, runs_of
from gateway_ext.audit.exclusive import wait_exclusively
from gateway_ext.audit.leaf_places import LeafPlaces
from gateway_ext.audit.retention.archived import FOR_EVER, UNFINISHED, Segment, Segments
from gateway_ext.audit.retention.judging import Context, Judgement, judge
from gateway_ext.audit.retention.legal_hold import LegalHold
from gateway_ext.audit.retention.units import first_due_unix_nano
from gateway_ext.audit.rules import RetentionRules
from gateway_ext.audit.segments import process_directories, sync_directory
from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import make_private_directory

LOCK_SECONDS = 30.0
_NANO = 1_000_000_000


class _Clock(Protocol):
    def now_unix_nano(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at one segment found. Of a dry run `judgement.erase` is what would be erased."""

    segment: Segment
    judgement: Judgement


class Eraser:
    """The archive of all logs. `holds` are read anew for each segment; `announce(log, reason)` is durable when it returns.

    All calls block. They raise ConfigurationError saying why nothing (more) is erased: the clock stands before the newest
    checkpoint, the holds cannot be read, a segment is not what was signed; OSError.
    """

    def __init__(
        self,
        spool_root: Path,
        trees_root: Path,
        archive_root: Path,
        clock: _Clock,
        holds: Callable[[], Sequence[LegalHold]],
        announce: Callable[[str, str], None],
    ):
        self._trees_root = trees_root
        self._archive_root = archive_root
        self._clock = clock
        self._holds = holds
        self._announce = announce
        self._segments = Segments(spool_root, archive_root)
        self._looked_for: tuple[RetentionRules, Sequence[LegalHold]] | None = None
        self._next_look: dict[Path, int] = {}  # when something may be due in a segment, by what was looked for

    def erase_due(self, rules: RetentionRules, exchange_seconds_max: float) -> int:
        """Erase all that is due. How many records. An exchange's records are looked for `exchange_seconds_max` around each."""
        self._segments.clear_unfinished()
        first = self._pass(rules, exchange_seconds_max)
        # Decisions have waited for their outcomes in other segments: those are gone now.
        return first + (self._pass(rules, exchange_seconds_max) if first else 0)

    def look(self, rules: RetentionRules, exchange_seconds_max: float) -> list[Found]:
        """What would be erased now. Changes nothing."""
        now, holds = self._checked_now(), self._holds()
        segments = self._segments.all()
        return [
            Found(each, self._judge(each, segments, rules, holds, exchange_seconds_max, now))
            for each in segments
            if each.is_archived and first_due_unix_nano(each.begins_unix_nano, rules) <= now
        ]

    def segments(self) -> list[Segment]:
        return self._segments.all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nothing is erased meanwhile. Raises ConfigurationError when it is busy for too long."""
        make_private_directory(self._archive_root)
        lock = wait_exclusively(self._archive_root / "lock", "audit retention", LOCK_SECONDS)
        try:
            yield
        finally:
            os.close(lock)

    # --- one run ----------------------------------------------------------------------------------------------------

    def _pass(self, rules: RetentionRules, exchange_seconds_max: float) -> int:
        """The last segments first: that is where the outcomes are that decisions wait for."""
        now = self._checked_now()
        self._look_for(rules, self._holds())
        segments = self._segments.all()
        due = [each for each in segments if each.is_archived and self._next_of(each, rules) <= now]
        erased = 0
        for segment in sorted(due, key=lambda each: each.begins_unix_nano, reverse=True):
            with self.alone():
                holds = self._holds()
                judgement = self._judge(segment, segments, rules, holds, exchange_seconds_max, now)
                self._erase(segment, judgement.erase)
            erased += len(judgement.erase)
            self._next_look[segment.path] = judgement.next_due_unix_nano or FOR_EVER
        return erased

    def _checked_now(self) -> int:
        now = self._clock.now_unix_nano()
        for directory in process_directories(self._trees_root):
            try:
                latest = CheckpointFile(directory).latest()
            except ValueError as error:
                raise ConfigurationError(f"nothing is erased: {directory}: {error}") from None
            if latest is not None and now < latest.time_unix_nano:
                raise ConfigurationError(
                    f"nothing is erased: the clock stands before the newest checkpoint of '{directory.name}'; set it right"
                )
        return now

    def _look_for(self, rules: RetentionRules, holds: Sequence[LegalHold]) -> None:
        """What was found with other rules or holds does not count."""
        if self._looked_for != (rules, holds):
            self._looked_for = rules, holds
            self._next_look.clear()

    def _next_of(self, segment: Segment, rules: RetentionRules) -> int:
        return self._next_look.get(segment.path) or first_due_unix_nano(segment.begins_unix_nano, rules)

    def _judge(
        self,
        segment: Segment,
        segments: Sequence[Segment],
        rules: RetentionRules,
        holds: Sequence[LegalHold],
        exchange_seconds_max: float,
        now: int,
    ) -> Judgement:
        context = (
            Context(_records(each), each.is_archived) for each in _around(segment, segments, exchange_seconds_max)
        )
        return judge(list(leaves(segment.path.read_bytes())), context, rules, holds, now)

    # --- one segment ------------------------------------------------------------------------------------------------

    def _erase(self, segment: Segment, places: Sequence[int]) -> None:
        if not places:
            return
        found = list(leaves(segment.path.read_bytes()))
        first = self._first_leaf(segment, len(found))
        for place in places:
            found[place] = Leaf(found[place].hash, None)
        runs = runs_of(first + place for place, leaf in enumerate(found) if leaf.record is None)
        self._announce(segment.log, reason_for(first, first + len(found) - 1, runs))
        _replace(segment.path, segment_of(found))
        self._segments.forget(segment.path)

    def _first_leaf(self, segment: Segment, count: int) -> int:
        """Raises ConfigurationError when the log does not have just `count` leaves there."""
        path = self._trees_root / segment.log / "segments"
        try:
            found = LeafPlaces(path).leaves_of(segment.number)
        except ValueError as error:
            raise ConfigurationError(f"nothing more is erased: {error}; start the control process anew") from None
        if found is None or len(found) != count:
            raise ConfigurationError(
                f"nothing more is erased: {segment.path} does not hold the records that were signed;"
                " 'gateway-ext audit verify' says what has changed"
            )
        return found.start


def _around(segment: Segment, segments: Sequence[Segment], seconds: float) -> Iterator[Segment]:
    """The other segments that records of the same exchanges may be in."""
    margin = int(seconds * _NANO)
    start, end = segment.begins_unix_nano - margin, segment.ends_unix_nano + margin
    for each in segments:
        if each is not segment and each.begins_unix_nano <= end and each.ends_unix_nano >= start:
            yield each


def _records(segment: Segment) -> Iterator[bytes]:
    try:
        content = segment.path.read_bytes()
    except FileNotFoundError:  # moved to the archive meanwhile: what depends on it is kept longer for once
        return
    yield from (leaf.record for leaf in leaves(content) if leaf.record is not None)


def _replace(path: Path, content: bytes) -> None:
    """By a new file, as a whole. One name for all that are not finished: see Segments.clear_unfinished."""
    unfinished = path.with_suffix(UNFINISHED)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_directory(path.parent)
