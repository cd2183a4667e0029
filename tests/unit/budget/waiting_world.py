"""Waiting in line without waiting: an event loop whose time passes as fast as the tests want, and a ledger of rates only."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from gateway_ext.budget.admission import Admission, Applicant
from gateway_ext.budget.priorities import Priority, PriorityClass
from gateway_ext.budget.quotas import QuotaLine, State, limited, step_nano
from gateway_ext.budget.rules import Reservation
from gateway_ext.exchange import Hold
from gateway_ext.limits import NANO
from gateway_ext.quota import Unit
from tests.unit.budget.reservations import NOW, reservation

TEAM = QuotaLine("team", "team-requests", Unit.REQUESTS, 60, 60, 1)  # one a second
OWN = QuotaLine("own", "user-requests", Unit.REQUESTS, 60, 60, 1, is_shared=False)
INTERACTIVE = PriorityClass(Priority.INTERACTIVE, weight=3, wait_seconds=2.5)
BATCH = PriorityClass(Priority.BATCH, weight=1, wait_seconds=2.5)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes only while nothing else is to be done."""

    def __init__(self) -> None:
        super().__init__(_Selector(self))
        self.now = 0.0

    def time(self) -> float:
        return self.now


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.now += max(0.0, timeout or 0.0)
        return super().select(0)


class Bucket:
    """A ledger with rates only, all of them empty at first."""

    def __init__(self) -> None:
        self.full = Counter[str]()
        self.asked = 0
        self.granted: list[tuple[float, str]] = []
        self.admission = Admission(self.reserve, self.now_unix_nano)

    def now_unix_nano(self) -> int:
        return NOW + int(asyncio.get_running_loop().time() * NANO)

    async def reserve(self, asked: Reservation) -> Hold:
        self.asked += 1
        await asyncio.sleep(0)
        now = asked.created_unix_nano
        states = [State(NOW + self.full[each.key]) for each in asked.quotas]
        fits = [
            max(state.full_unix_nano, now) + each.step - now <= each.room
            for state, each in zip(states, asked.quotas, strict=True)
        ]
        if not all(fits):
            raise limited(asked.quotas, states, now)
        for each in asked.quotas:
            self.full[each.key] = max(self.full[each.key], now - NOW) + each.step
        self.granted.append((asyncio.get_running_loop().time(), asked.id))
        return Hold(asked.id, 0, "EUR")

    def empty(self, *lines: QuotaLine) -> None:
        for line in lines:
            self.full[line.key] = step_nano(line.limit, line.limit, line.period_seconds)

    async def ask(
        self, name: str, *lines: QuotaLine, priority: PriorityClass = INTERACTIVE, user: str = "", size: int = 10
    ) -> Hold:
        loop_time = asyncio.get_running_loop().time()
        asked = replace(reservation(name, 1), quotas=lines or (TEAM,), created_unix_nano=self.now_unix_nano())
        applicant = Applicant(priority, user or name, size, loop_time + priority.wait_seconds)
        return await self.admission.reserve(asked, applicant)


def in_virtual_time(test: Callable[[Bucket], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        bucket = Bucket()
        runner.run(test(bucket))
        assert bucket.admission.waiting == 0
        assert not bucket.admission._lines, "a line of nobody is left"
