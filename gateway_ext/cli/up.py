"""`gateway-ext up`: the whole gateway on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass
from gateway_ext.local.child import State, Status
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.settings import load_settings

PROCESSORS_DEFAULT = 2  # a processor per core is for servers; on a laptop two show that there can be several


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = subparsers.add_parser(
        "up",
        help="run the whole gateway on this machine",
        description="Runs Envoy, processors, the control process, an OTLP sink and a simulated model provider on the "
        "loopback address, with a local certificate authority and a local token issuer. Ctrl-C stops all of it.",
    )
    parser.add_argument("--state", type=Path, help="state directory (default: .gateway)")
    parser.add_argument("--policies", type=Path, help="policy directory (default: policies)")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
    parser.add_argument("--port", type=_port, default=8080, help="port of the gateway without TLS (default: %(default)s)")
    parser.add_argument("--processors", type=_count, help=f"how many processors (default: {PROCESSORS_DEFAULT})")
    parser.add_argument("--no-simulator", action="store_true", help="do not run the simulated model provider")
    parser.add_argument("--simulator-port", type=_port, default=18081, help="default: %(default)s")
    parser.add_argument("--otlp-port", type=_port, default=4317, help="port of the OTLP sink (default: %(default)s)")
    parser.add_argument(
        "--map-port", type=_mapping, action="append", default=[], metavar="PORT=OTHER", help="move a port of envoy.yaml"
    )
    parser.add_argument("--verbose", action="store_true", help="show the logs of all processes, too")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run until interrupted: 0 then. Raises ConfigurationError when something cannot start."""
    # Late: the policy reader is large, and `--help` should be quick.
    from gateway_ext.audit.exclusive import lock_exclusively  # noqa: PLC0415
    from gateway_ext.local.one_machine import Ports, plan  # noqa: PLC0415
    from gateway_ext.local.private_files import make_private_directory  # noqa: PLC0415
    from gateway_ext.policy.loader import load_policy  # noqa: PLC0415

    settings = load_settings(
        options.settings, state_dir=options.state, policies_dir=options.policies, processors=options.processors
    )
    if settings.processors == 0:
        settings = load_settings(
            options.settings, state_dir=options.state, policies_dir=options.policies, processors=PROCESSORS_DEFAULT
        )
    ports = Ports(options.port, options.simulator_port, options.otlp_port, dict(options.map_port))
    machine = plan(settings, load_policy(settings.policies_dir), ports, with_simulator=not options.no_simulator)
    try:
        make_private_directory(settings.state_dir)
        lock = lock_exclusively(settings.state_dir / "up.lock", "gateway-ext up")
        try:
            issuer = machine.prepare()
            asyncio.run(_run(machine, issuer, options.verbose))
        finally:
            os.close(lock)
    except OSError as error:
        raise ConfigurationError(f"{settings.state_dir}: cannot be used as state directory ({error})") from error
    return 0
