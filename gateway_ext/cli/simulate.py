"""`gateway-ext simulate`: a simulated model provider on one port."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway_ext.errors import ConfigurationError
from gateway_ext.simulator.flavours import Flavour
from gateway_ext.simulator.server import ANY_DEPLOYMENT, Simulator, SimulatorOptions


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser(
        "simulate",
        help="run a simulated model provider",
        description="A provider of both dialects with deterministic answers at /<deployment>/v1/…. Faults are set by "
        "POST /_control {deployment, fault, count, tokens_per_second}; GET /_control/log lists requests.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=18081, help="port to listen on; 0 = any (default: %(default)s)")
    parser.add_argument(
        "--api-key-file",
        action="append",
        default=[],
        metavar="[DEPLOYMENT=]FILE",
        help="refuse requests without this key; for one deployment or for all; may be repeated",
    )
    parser.add_argument(
        "--flavour",
        action="append",
        default=[],
        metavar="DEPLOYMENT=NAME",
        help=f"have a deployment differ on the wire as that server does: {', '.join(Flavour)}; may be repeated",
    )
    parser.add_argument("--record", action="store_true", help="keep request bodies in the log; they are prompts")
    parser.add_argument("--tokens-per-second", type=float, default=0.0, help="speed of answers; 0 = no pause at all")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted. Raises ConfigurationError for a busy port or an unreadable key."""
    simulator = SimulatorOptions(
        host=options.host,
        port=options.port,
        api_keys=read_api_keys(options.api_key_file),
        flavours=read_flavours(options.flavour),
        keeps_bodies=options.record,
        tokens_per_second=options.tokens_per_second,
    )
    try:
        asyncio.run(_serve(simulator))
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {options.host}:{options.port} ({error.strerror or error}); choose another --port"
        ) from error
    return 0


def read_api_keys(given: Sequence[str]) -> dict[str, str] | None:
    """Keys by deployment from values '[DEPLOYMENT=]FILE'; a file may hold the bare key or 'Bearer KEY'."""
    if not given:
        return None
    keys = {}
    for value in given:
        deployment, mark, file = value.rpartition("=")
        try:
            key = Path(file).read_text(encoding="utf-8").strip().removeprefix("Bearer ")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"--api-key-file {value}: cannot be read ({type(error).__name__})") from error
        if not key:
            raise ConfigurationError(f"--api-key-file {value}: the file is empty; write the key into it")
        keys[deployment if mark else ANY_DEPLOYMENT] = key
    return keys


def read_flavours(given: Sequence[str]) -> dict[str, Flavour]:
    """Flavours by deployment from values 'DEPLOYMENT=NAME'."""
    flavours = {}
    for value in given:
        deployment, _, name = value.partition("=")
        if not deployment or name not in set(Flavour):
            raise ConfigurationError(f"--flavour {value}: write DEPLOYMENT=NAME, with a name of {', '.join(Flavour)}")
        flavours[deployment] = Flavour(name)
    return flavours


async def _serve(options: SimulatorOptions) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with Simulator(options) as simulator:
        print(f"simulated provider at http://{options.host}:{simulator.port}/<deployment>/v1", file=sys.stderr)
        await stopped.wait()
