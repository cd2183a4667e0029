"""`gateway-ext up`: the whole gateway on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from gateway_ext.audit.exclusive import lock_exclusively
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass
from gateway_ext.local.child import State, Status
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.local.one_machine import LOOPBACK, OneMachine, Ports, plan
from gateway_ext.local.programs import stages
from gateway_ext.local.supervisor import Supervisor
from gateway_ext.policy.loader import load_policy
from gateway_ext.private_files import make_private_directory
from gateway_ext.settings import Settings, load_settings

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
    parser.add_argument(
        "--port", type=_port, default=8080, help="port of the gateway without TLS (default: %(default)s)"
    )
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
    settings = load_settings(
        options.settings, state_dir=options.state, policies_dir=options.policies, processors=options.processors
    )
    if settings.processors == 0:
        settings = dataclasses.replace(settings, processors=PROCESSORS_DEFAULT)
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


async def _run(machine: OneMachine, issuer: LocalIssuer, is_verbose: bool) -> None:
    log_dir = machine.settings.state_dir / "log"
    supervisor = Supervisor(stages(machine), log_dir, _show_change, shows_logs=is_verbose)
    loop = asyncio.get_running_loop()
    running = loop.create_task(_serve(supervisor, banner(machine, issuer, log_dir)))

    def interrupted() -> None:
        if running.cancelling():
            supervisor.hurry()
        else:
            print("\nstopping; Ctrl-C again to hurry", file=sys.stderr)
            running.cancel()

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


def banner(machine: OneMachine, issuer: LocalIssuer, log_dir: Path) -> str:
    """What a user does next, ready to paste."""
    url = f"http://{LOOPBACK}:{machine.ports.gateway}/v1"
    token = issuer.mint(CredentialClass.SSO, "demo@local", "demo", ["llm-users"])
    models = sorted(machine.snapshot.routing.models)
    body = json.dumps({"model": models[0] if models else "", "messages": [{"role": "user", "content": "Hello"}]})
    listeners, state = machine.listeners, machine.settings.state_dir
    state_option = "" if state == Settings().state_dir else f" --state {shlex.quote(str(state))}"
    facts = {
        "anthropic": f"ANTHROPIC_BASE_URL={url.removesuffix('/v1')}, and the same key as ANTHROPIC_API_KEY",
        "models": ", ".join(models),
        "TLS": ", ".join(f"https://localhost:{listeners[name]}" for name in ("public", "internal") if name in listeners)
        + f" (trust {machine.settings.layout.certs / 'ca.pem'}; the internal one asks for client.pem)",
        "audit": f"{machine.audit_file}" if machine.has_own_sink else machine.settings.otlp_endpoint,
        "logs": f"{log_dir}/",
        "admin": f"http://{LOOPBACK}:{listeners['admin']}" if "admin" in listeners else "none",
        "credential": f"gateway-ext token --help; another one: gateway-ext token{state_option}",
    }
    if keyless := machine.keyless_providers():
        facts["no key yet"] = ", ".join(f"{each.name} ({machine.key_file(each)})" for each in keyless)
    lines = [
        "",
        "gateway-ext is running. Ctrl-C stops it.",
        "",
        f"  export OPENAI_BASE_URL={url}",
        f"  export OPENAI_API_KEY={token}",
        "",
        '  curl -s $OPENAI_BASE_URL/chat/completions -H "Authorization: Bearer $OPENAI_API_KEY" \\',
        f"    -H 'Content-Type: application/json' -d {shlex.quote(body)}",
        "",
        *(f"  {name:<11} {value}" for name, value in facts.items()),
        "",
    ]
    return "\n".join(lines)


def _show_change(status: Status) -> None:
    restarts = f" (restarts: {status.restarts})" if status.restarts else ""
    told = {State.READY: "ready", State.UNREADY: "not healthy", State.CRASHED: "ended unexpectedly; starting it again"}
    print(f"{status.name}: {told.get(status.state, status.state)}{restarts}", file=sys.stderr, flush=True)


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
