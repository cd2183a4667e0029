"""What telemetry there is by the settings: for the control process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from gateway_ext.ports import PolicySource, Spending
from gateway_ext.settings import Settings, Traces

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from gateway_ext.telemetry.composed import Clock, Work

RESTART_SECONDS = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenedTelemetry:
    """`work` is to be run, each by its name, until it is cancelled; it never raises. `pages` is to be served."""

    work: Mapping[str, Work] = field(default_factory=dict)
    pages: ASGIApp | None = None


@asynccontextmanager
async def opened_telemetry(
    settings: Settings, policy: PolicySource, spending: Spending, clock: Clock
) -> AsyncIterator[OpenedTelemetry]:
    """Nothing unless the settings ask for it: then nobody follows the trail. Raises ConfigurationError."""
    if settings.metrics_seconds <= 0 and settings.traces is Traces.NONE and not settings.metrics_address:
        yield OpenedTelemetry()
        return
    from gateway_ext.telemetry.composed import composed_telemetry  # noqa: PLC0415  (callers wait while it is imported)

    async with composed_telemetry(settings, policy, spending, clock) as (work, pages):
        yield OpenedTelemetry({name: partial(_unfailing, name, each) for name, each in work.items()}, pages)


async def _unfailing(name: str, work: Work) -> None:
    """Telemetry has no part in what the control process is for: whatever fails in it is begun again."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  (the audit trail must go on being shipped whatever happens here)
            # The type only: an exception's text might carry what it failed on.
            _log.error("telemetry: %s: failed (%s)", name, type(error).__name__)
        await asyncio.sleep(RESTART_SECONDS)
