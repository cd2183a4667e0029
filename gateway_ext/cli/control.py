"""`gateway-ext control`: ships the audit spool, closes forgotten holds, tells of budgets, keeps Envoy's files in step with
policy, serves the console."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.credentials import OVERLAP_ENDED, life_cycle
from gateway_ext.administration.file_changes import FileChanges
from gateway_ext.administration.retention import retain
from gateway_ext.cli.settings_arguments import add_settings_arguments, settings_of
from gateway_ext.cli.signals import ends_in_order, stop_requested
from gateway_ext.credentials.served_keys import ServedKeys
from gateway_ext.envoyconf.keys import key_versions
from gateway_ext.errors import ConfigurationError, Refusal
from gateway_ext.limits import CONVERSATION_PRUNE_SECONDS, NANO
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from gateway_ext.bootstrap.control import Control
    from gateway_ext.ports import PolicySource, StandingSource

SWEEP_SECONDS = 5.0
FOLLOW_SECONDS = 0.5
CONSOLE_WAIT_SECONDS = 5.0  # whatever keeps Envoy's files from being written, somebody may want to see in the console
_log = logging.getLogger("gateway_ext.control")


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    parser = subparsers.add_parser("control", help="run the control process")
    add_settings_arguments(parser)
    parser.add_argument("--processors", type=int, help="how many processors Envoy is told of (default: settings)")
    parser.add_argument("--otlp-endpoint", help="OTLP address of the collector")
    parser.add_argument(
        "--openapi", action="store_true", help="print the OpenAPI document of the console's API, and end"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Work until SIGTERM: 0 then. 1 when records could not be made durable: only a new process may go on."""
    if options.openapi:
        from gateway_ext.console.app import openapi  # noqa: PLC0415  (half a second, which nothing else takes)

        print(json.dumps(openapi(), indent=2))
        return 0
    settings = settings_of(options, processors=options.processors, otlp_endpoint=options.otlp_endpoint)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    return asyncio.run(_control(settings))


async def _control(settings: Settings) -> int:
    from gateway_ext.bootstrap.control import control  # noqa: PLC0415  (imports every adapter)
    from gateway_ext.bootstrap.policy import watched_standing  # noqa: PLC0415

    async with control(settings) as composed, watched_standing(settings) as standing, asyncio.TaskGroup() as tasks:
        console = partial(_console, settings, composed.policy, standing)
        written = asyncio.Event()
        stop = stop_requested()
        work = [
            tasks.create_task(composed.shipper.run(), name="ship"),
            tasks.create_task(composed.index_follower.run(), name="search index"),
            tasks.create_task(composed.checkpointer.run(), name="checkpoints"),
            tasks.create_task(_every(SWEEP_SECONDS, composed.sweeper.sweep), name="sweep"),
            tasks.create_task(composed.key_watch.run(), name="key watch"),
            tasks.create_task(_every(SWEEP_SECONDS, partial(_revoke_due, settings)), name="revoke"),
            tasks.create_task(_follow_policy(composed, settings, written), name="xds"),
            tasks.create_task(
                _after(written, partial(_serve, console, settings.layout.console_socket, "console")), name="console"
            ),
            tasks.create_task(_every(CONVERSATION_PRUNE_SECONDS, composed.prune_conversations), name="prune"),
            tasks.create_task(composed.budget_watch.run(), name="budget watch"),
            tasks.create_task(composed.alerts.run(), name="alerts"),
            tasks.create_task(retain(settings, composed.policy), name="retention"),
        ]
        if composed.publishing is not None:
            work.append(tasks.create_task(composed.publishing.run(), name="publish checkpoints"))
        telemetry = composed.telemetry
        work += [tasks.create_task(each(), name=f"telemetry: {name}") for name, each in telemetry.work.items()]
        if (pages := telemetry.pages) is not None:
            serving = _serve(lambda: pages, settings.metrics_address, "metrics")
            work.append(tasks.create_task(serving, name="metrics"))
        _log.info("control ready")
        if not await ends_in_order(stop, lambda: composed.audit.failed):
            _log.critical("control ends at once: its audit spool has failed")
        for task in work:
            task.cancel()
    return 1 if composed.audit.failed else 0


def _console(settings: Settings, policy: PolicySource, standing: StandingSource) -> ASGIApp:
    from gateway_ext.console.app import application  # noqa: PLC0415  (half a second, in which other work goes on)

    return application(settings, policy, standing)


async def _serve(make: Callable[[], ASGIApp], where: Path | str, name: str) -> None:
    from gateway_ext.console.serving import serve_for_ever  # noqa: PLC0415  (a web server: see _console)

    await serve_for_ever(make, where, name)


async def _after(written: asyncio.Event, serve: Callable[[], Awaitable[None]]) -> None:
    """Callers wait for Envoy, which waits for its files; nobody for the import of a web framework."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(written.wait(), CONSOLE_WAIT_SECONDS)
    await serve()


async def _every(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await step()
        except Refusal as refusal:  # the store is away: what is not swept now is swept later
            _log.error("sweep: %s", refusal.code)
        await asyncio.sleep(seconds)


async def _revoke_due(settings: Settings) -> None:
    """Revoke rotated credentials whose successor has had its time to take over."""
    try:
        for each in await asyncio.to_thread(life_cycle(settings, Actor(), OVERLAP_ENDED).revoke_due):
            _log.info("credential %s is revoked: its successor has taken over", each.id)
    except ConfigurationError as error:  # the store is away: what is not revoked now is revoked later
        _log.error("a rotated credential is not revoked: %s", error.diagnostics())


async def _follow_policy(composed: Control, settings: Settings, is_written: asyncio.Event) -> None:
    """Keep Envoy's files in step with policy and keys, as soon as it is recorded that these have changed.

    Envoy is to know a deployment for as long as any request may go there: a new one before a processor names it (see
    bootstrap.processor), an old one until every hold of its policy has ended.
    """
    loop, layout = asyncio.get_running_loop(), settings.layout
    changes = FileChanges(composed.trail, layout.recorded, settings.policies_dir, layout.secrets)
    current: Snapshot | None = None
    keys, written = None, None
    retiring: dict[str, tuple[float, Snapshot]] = {}  # by digest, with the time of their end
    published = ServedKeys(layout.jwks)
    while True:
        newest = composed.policy.current()
        await changes.policy_refused(composed.policy.last_error, newest.digest)
        if newest is not current and await changes.policy_activated(newest):
            if current is not None:
                retiring[current.digest] = loop.time() + current.budget.hold_ttl_seconds, current
                retiring.pop(newest.digest, None)
            current = newest
        retiring = {digest: (ends_at, old) for digest, (ends_at, old) in retiring.items() if ends_at > loop.time()}
        found, key_sets = await asyncio.to_thread(
            lambda: (key_versions(layout.secrets), published.current(time.time_ns() // NANO))
        )
        if await changes.keys_changed(found):
            keys = found
        wanted = (current and current.digest, tuple(retiring), keys, key_sets)
        if current is not None and keys is not None and wanted != written:
            await asyncio.to_thread(composed.write_xds, current, [old for _, old in retiring.values()], keys, key_sets)
            written = wanted
            is_written.set()
            _log.info("Envoy's files follow policy %s", current.digest[:12])
        await asyncio.sleep(FOLLOW_SECONDS)
