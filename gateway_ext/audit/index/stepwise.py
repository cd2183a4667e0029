"""What an index is asked, as steps; a subclass carries them out in its database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TypeVar

from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index import changing, looking
from gateway_ext.audit.index.cursors import Position
from gateway_ext.audit.index.steps import Steps
from gateway_ext.audit.index.store import Chunk, IndexStatus, LogPosition, Page, Place, Read
from gateway_ext.clock import SystemClock

PAGE_NS = 100_000_000  # after which a page ends where it has come to; what it looks at next may take as long again

Result = TypeVar("Result")


class StepwiseIndex(ABC):
    """Implements of store.Index, whose docstrings are the contract, what is the same in every database."""

    async def position(self, log: str) -> LogPosition:
        return await self._do(changing.position(log))

    async def add(self, log: str, before: LogPosition, chunk: Chunk) -> bool:
        return await self._do(changing.add(log, before, chunk), writes=True)

    async def search(self, wanted: Filter, limit: int, position: Position) -> Page:
        monotonic_ns = SystemClock().monotonic_ns
        ends_ns = monotonic_ns() + PAGE_NS
        return await self._do(looking.page(wanted, limit, position, lambda: monotonic_ns() >= ends_ns))

    async def generation(self) -> str:
        return await self._do(looking.generation())

    async def places(self, entry_id: str) -> tuple[Place, ...]:
        return await self._do(looking.places(entry_id))

    async def segments(self, log: str) -> Mapping[int, int]:
        return await self._do(looking.segments(log))

    async def logs(self) -> frozenset[str]:
        return await self._do(looking.logs())

    async def forget(
        self, log: str, segment: int, leaves: frozenset[int] | None, segment_bytes: int, read: Read
    ) -> int:
        return await self._do(changing.forget(log, segment, leaves, segment_bytes), writes=True, read=read)

    async def status(self) -> IndexStatus:
        return await self._do(looking.status())

    @abstractmethod
    async def _do(self, steps: Steps[Result], *, writes: bool = False, read: Read | None = None) -> Result:
        """Carry the steps out in one transaction. `read` answers ReadRecords."""
