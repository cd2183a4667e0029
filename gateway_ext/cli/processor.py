"""`gateway-ext processor`: one external processor on one Unix socket."""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
from typing import Any

import uvloop

from gateway_ext.bootstrap.processor import processor
from gateway_ext.cli.settings_arguments import add_settings_arguments, settings_of
from gateway_ext.cli.signals import ends_in_order, stop_requested
from gateway_ext.settings import Settings


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    parser = subparsers.add_parser("processor", help="run one external processor")
    parser.add_argument("--index", type=int, default=0, help="which of Envoy's endpoints this is (default 0)")
    add_settings_arguments(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM: 0 then. 1 when records could not be made durable: only a new process may go on."""
    settings = settings_of(options)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    _be_interrupted_less()
    return uvloop.run(_serve(settings, options.index))


def _be_interrupted_less() -> None:
    """gRPC's threads, which begin after this, no longer interrupt the one that decides when they wake up (sched(7)).

    They do that 30 times a request (benchmarks/NOTES.md).
    """
    with contextlib.suppress(OSError):  # forbidden in this container: as before
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


async def _serve(settings: Settings, index: int) -> int:
    log = logging.getLogger("gateway_ext.processor")
    # What is made before we listen lives as long as the process: to walk it now would take a tenth of the start, later be in vain.
    gc.disable()
    async with processor(settings, index) as composed:
        gc.collect()
        gc.freeze()
        gc.enable()
        stop = stop_requested()
        await composed.server.start(settings.layout.processor_socket(index))
        log.info("processor %d ready, policy %s", index, composed.policy.current().digest[:12])
        if await ends_in_order(stop, lambda: composed.audit.failed):
            log.info("processor %d drains for at most %.0f s", index, settings.drain_seconds)
            await composed.server.stop(settings.drain_seconds)
        else:
            log.critical("processor %d ends at once: its audit spool has failed", index)
            await composed.server.stop(0)
    return 1 if composed.audit.failed else 0  # known now only: closing the spool syncs for the last time
