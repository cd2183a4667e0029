"""What every request to the console's API has at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import Request

from gateway_ext.console.idempotency import RepeatedRequests
from gateway_ext.console.rate import ChangeRate
from gateway_ext.ports import PolicySource
from gateway_ext.settings import Settings

CHANGES_AT_ONCE = 2  # of the threads that the control process has for all of its work
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Console:
    """Of one application."""

    settings: Settings
    policy: PolicySource
    repeated: RepeatedRequests
    rate: ChangeRate
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CHANGES_AT_ONCE))

    async def change(self, work: Callable[[], T]) -> T:
        """`work`, which blocks, in a thread. It waits its turn, so that no crowd takes the threads of other work away."""
        async with self._room:
            return await asyncio.to_thread(work)


def console_of(request: Request) -> Console:
    console: Console = request.app.state.console
    return console
