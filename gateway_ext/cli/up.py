"""`gateway-ext up`: the whole gateway on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway_ext.audit.exclusive import lock_exclusively
from gateway_ext.errors import ConfigurationError
from gateway_ext.local.banner import banner
from gateway_ext.local.child import Program, State, Status
from gateway_ext.local.cores import shares
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.local.one_machine import OneMachine, Ports, plan
from gateway_ext.local.programs import stages
from gateway_ext.local.supervisor import Supervisor
from gateway_ext.policy.loader import load_policy
from gateway_ext.private_files import make_private_directory
from gateway_ext.settings import load_settings

PROCESSORS_DEFAULT = 2  # a processor per core is for servers; on a laptop two show that there can be several


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser(
        "up",
        help="run the whole gateway on this machine",
        description="Runs Envoy, processors, the control process with its console, an OTLP sink, a simulated model provider "
        "and an identity provider with three people on the loopback address, with a local certificate authority and a local "
        "token issuer. Ctrl-C stops all of it.",
    )
    parser.add_argument("--state", type=Path, help="state directory (default: .gateway)")
    parser.add_argument("--policies", type=Path, help="policy directory (default: policies)")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
    parser.add_argument(
        "--port", type=_port, default=8080, help="port of the gateway without TLS (default: %(default)s)"
    )
    parser.add_argument("--processors", type=_count, help=f"how many processors (default: {PROCESSORS_DEFAULT})")
    parser.add_argument("--no-simulator", action="store_true", help="do not run the simulated model provider")
    parser.add_argument("--simulator-port", type=_port, default=18081, help="default: %(default)s")
    parser.add_argument(
        "--console-port", type=_port, default=8088, help="port of the console without TLS (default: %(default)s)"
    )
    parser.add_argument("--identity-provider-port", type=_port, default=18090, help="default: %(default)s")
    parser.add_argument("--otlp-port", type=_port, default=4317, help="port of the OTLP sink (default: %(default)s)")
    parser.add_argument(
        "--map-port", type=_mapping, action="append", default=[], metavar="PORT=OTHER", help="move a port of envoy.yaml"
    )
    parser.add_argument(
        "--shared-cores", action="store_true", help="do not give each processor a core of its own; for busy machines"
    )
    parser.add_argument("--verbose", action="store_true", help="show the logs of all processes, too")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until interrupted: 0 then. Raises ConfigurationError when something cannot start."""
    settings = load_settings(
        options.settings, state_dir=options.state, policies_dir=options.policies, processors=options.processors
    )
    if settings.signer_command:
        raise ConfigurationError(
            "signer_command: 'gateway-ext up' signs with key files of its own; leave the setting out"
        )
    if settings.processors == 0:
        settings = dataclasses.replace(settings, processors=PROCESSORS_DEFAULT)
    ports = Ports(
        gateway=options.port,
        simulator=options.simulator_port,
        otlp=options.otlp_port,
        console=options.console_port,
        identity_provider=options.identity_provider_port,
        mapped=dict(options.map_port),
    )
    machine = plan(settings, load_policy(settings.policies_dir), ports, with_simulator=not options.no_simulator)
    try:
        make_private_directory(settings.state_dir)
        lock = lock_exclusively(settings.state_dir / "up.lock", "gateway-ext up")
        try:
            issuer = machine.prepare()
            cores = frozenset[int]() if options.shared_cores else os.sched_getaffinity(0)
            programs = stages(machine, shares(cores, machine.settings.processor_count))
            asyncio.run(_run(machine, programs, issuer, options.verbose))
        finally:
            os.close(lock)
    except OSError as error:
        raise ConfigurationError(f"{settings.state_dir}: cannot be used as state directory ({error})") from error
    return 0


async def _run(
    machine: OneMachine, programs: Sequence[Sequence[Program]], issuer: LocalIssuer, is_verbose: bool
) -> None:
    log_dir = machine.settings.state_dir / "log"
    supervisor = Supervisor(programs, log_dir, _show_change, shows_logs=is_verbose)
    loop = asyncio.get_running_loop()
    running = loop.create_task(_serve(supervisor, banner(machine, issuer, log_dir)))

    def interrupted() -> None:
        if running.cancelling():
            supervisor.hurry()
        else:
            running.cancel()
            _say("\nstopping; Ctrl-C again to hurry")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted)
    try:
        await running
    except asyncio.CancelledError:
        return


async def _serve(supervisor: Supervisor, text: str) -> None:
    async with supervisor:
        print(text, flush=True)
        await asyncio.Event().wait()


def _show_change(status: Status) -> None:
    restarts = f" (restarts: {status.restarts})" if status.restarts else ""
    told = {State.READY: "ready", State.UNREADY: "not healthy", State.CRASHED: "ended unexpectedly; starting it again"}
    _say(f"{status.name}: {told.get(status.state, status.state)}{restarts}")


def _say(line: str) -> None:
    """To whoever still listens: what is supervised goes on, and ends in order, when nobody does."""
    with contextlib.suppress(BrokenPipeError):
        print(line, file=sys.stderr, flush=True)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port from 1 to 65535")
    return int(text)


def _mapping(text: str) -> tuple[int, int]:
    before, mark, after = text.partition("=")
    if not mark:
        raise argparse.ArgumentTypeError(f"'{text}' is not PORT=OTHER, for example 8443=18443")
    return _port(before), _port(after)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of processors from 1 to 64")
    return int(text)
