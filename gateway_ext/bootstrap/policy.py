"""What a process follows: policy, operators' orders, agreements."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway_ext.clock import SystemClock
from gateway_ext.consent.consents import Consents
from gateway_ext.errors import ConfigurationError
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.policy.watcher import PolicyWatcher
from gateway_ext.settings import Settings
from gateway_ext.standing.watcher import StandingWatcher

_log = logging.getLogger(__name__)


@asynccontextmanager
async def watched_policy(
    settings: Settings,
    settled_polls: int = 1,
    prepare: Callable[[Snapshot], None] = lambda _: None,
    is_ready: Callable[[Snapshot], bool] = lambda _: True,
) -> AsyncIterator[PolicyWatcher]:
    """The policy of `settings`, followed while the context lasts."""
    policy = PolicyWatcher(
        settings.policies_dir, _policy_rejected, settled_polls=settled_polls, prepare=prepare, is_ready=is_ready
    )
    await policy.start()
    try:
        yield policy
    finally:
        await policy.stop()


@asynccontextmanager
async def watched_standing(settings: Settings) -> AsyncIterator[StandingWatcher]:
    """What operators have ordered, followed while the context lasts."""
    standing = StandingWatcher(settings.layout.standing, SystemClock())
    await standing.start()
    try:
        yield standing
    finally:
        await standing.stop()


@asynccontextmanager
async def followed_consents(settings: Settings) -> AsyncIterator[Consents]:
    """Who has accepted which agreement, followed while the context lasts."""
    consents = Consents(settings.layout.agreements, SystemClock(), settings.console_url)
    await consents.start()
    try:
        yield consents
    finally:
        await consents.stop()


def _policy_rejected(error: ConfigurationError) -> None:
    _log.error("policy not taken, the last good one stays in force:\n%s", error.diagnostics())
