"""What an index must do, whatever database it is in, and the nouns of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index.cursors import Position
from gateway_ext.audit.index.entry import Entry
from gateway_ext.errors import ConfigurationError

REBUILD = "'gateway-ext audit index rebuild' makes it anew"


class IndexUnavailableError(ConfigurationError):
    """The index cannot be read or written now."""


class IndexDamagedError(ConfigurationError):
    """What is there is no index of this program's, or is broken. It is to be discarded, and made anew from the segments."""


@dataclass(frozen=True, slots=True)
class LogPosition:
    """How far a log was read: behind the first `leaves` leaves of `segment`. `records` of all its segments were indexed."""

    segment: int = 0
    leaves: int = 0
    records: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record lies: which leaf of a segment of a log, from 0. Erasing others does not change it."""

    log: str
    segment: int
    leaf: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A record and its place."""

    place: Place
    event: Event


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one segment in the order they were written, and the position behind them.

    `segment_bytes`: the segment's size when it was read, `read_bytes`: how much of it this is.
    """

    records: tuple[Placed, ...]
    position: LogPosition
    segment_bytes: int = 0
    read_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Entries by time, the newest first. `older` and `newer` go on there; None: nothing more is there.

    A page ends where it is full, and where enough was looked at: it may hold fewer entries than asked for, or none, and
    still be followed by another one.
    """

    entries: tuple[Entry, ...]
    older: str | None
    newer: str | None


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How much is in the index, and how far each log was read."""

    entries: int
    records: int
    positions: Mapping[str, LogPosition]


Read = Callable[[Sequence[Place]], Sequence[Event]]
"""The records that still are at these places. Blocks. Raises OSError."""


class Index(Protocol):
    """All calls but `close` raise IndexUnavailableError and IndexDamagedError, and change nothing then."""

    async def position(self, log: str) -> LogPosition: ...

    async def add(self, log: str, before: LogPosition, chunk: Chunk) -> bool:
        """Index what follows a position, and note the position behind it. False, and nothing done: it is not at `before`."""
        ...

    async def search(self, wanted: Filter, limit: int, position: Position) -> Page:
        """The next entries from a position on."""
        ...

    async def generation(self) -> str:
        """Which index it is: another one after each `clear`. Cursors are good for one generation."""
        ...

    async def places(self, entry_id: str) -> tuple[Place, ...]:
        """Of all records of an entry."""
        ...

    async def segments(self, log: str) -> Mapping[int, int]:
        """The segments that were read, with their sizes in bytes when they last were."""
        ...

    async def logs(self) -> frozenset[str]:
        """Those that were read."""
        ...

    async def forget(
        self, log: str, segment: int, leaves: frozenset[int] | None, segment_bytes: int, read: Read
    ) -> int:
        """Forget records of a segment, or all of it, and what only they said. How many. Repeating it is harmless.

        `segment_bytes`: its size now. `read` is asked for the other records of their exchanges.
        """
        ...

    async def clear(self) -> None:
        """Begin anew, with nothing."""
        ...

    async def status(self) -> IndexStatus: ...

    async def optimize(self) -> None:
        """Have the database look at what it holds, after much was added."""
        ...

    async def close(self) -> None: ...
