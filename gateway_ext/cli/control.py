"""`gateway-ext control`: ships the audit spool, closes forgotten holds, keeps Envoy's files in step with policy."""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from gateway_ext.cli.processor import add_settings_arguments, settings_of
from gateway_ext.cli.signals import stop_requested
from gateway_ext.errors import Refusal
from gateway_ext.limits import POLICY_POLL_SECONDS
from gateway_ext.settings import Settings

if TYPE_CHECKING:
    from gateway_ext.bootstrap import Control

SWEEP_SECONDS = 5.0
_log = logging.getLogger("gateway_ext.control")


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    parser = subparsers.add_parser("control", help="run the control process")
    add_settings_arguments(parser)
    parser.add_argument("--processors", type=int, help="how many processors Envoy is told of (default: settings)")
    parser.add_argument("--otlp-endpoint", help="OTLP/gRPC address of the collector")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    settings = settings_of(options, processors=options.processors, otlp_endpoint=options.otlp_endpoint)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(_control(settings))
    return 0


async def _control(settings: Settings) -> None:
    from gateway_ext.bootstrap import control  # noqa: PLC0415  (imports every adapter)

    async with control(settings) as composed, asyncio.TaskGroup() as tasks:
        stop = stop_requested()
        work = [
            tasks.create_task(composed.shipper.run(), name="ship"),
            tasks.create_task(_every(SWEEP_SECONDS, composed.sweeper.sweep), name="sweep"),
            tasks.create_task(_follow_policy(composed), name="xds"),
        ]
        _log.info("control ready")
        await stop.wait()
        for task in work:
            task.cancel()


async def _every(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    while True:
        try:
            await step()
        except Refusal as refusal:  # the store is away: what is not swept now is swept later
            _log.error("sweep: %s", refusal.code)
        await asyncio.sleep(seconds)


async def _follow_policy(composed: Control) -> None:
    digest = ""
    while True:
        snapshot = composed.policy.current()
        if snapshot.digest != digest:
            await asyncio.to_thread(composed.render, snapshot)
            digest = snapshot.digest
            _log.info("Envoy's files follow policy %s", digest[:12])
        await asyncio.sleep(POLICY_POLL_SECONDS)
