"""The gateway itself, with everything on or with parts off."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.contestants import parts
from benchmarks.contestants.contestant import Contestant, DidNotStart
from benchmarks.machine.processes import child, children_of, free_ports
from benchmarks.start.installed import envoy_bytes, gateway_bytes, interpreter_bytes

START_SECONDS_MAX = 90
ROLES = {"envoy.yaml": "envoy", "processor": "processors", "control": "control", "otlp-sink": "otlp-sink"}


@contextlib.contextmanager
def gateway(
    name: str,
    root: Path,
    upstream: int,
    *,
    processors: int = 1,
    settings: Mapping[str, object] | None = None,
    edit: Callable[[Path], None] = lambda policies: None,
) -> Iterator[Contestant]:
    """`gateway-ext up` without its simulator: JWT, budgets, the Guard, routing, audit and delivery, all on.

    `settings` are process settings; `edit` changes the copy of the shipped policies that it runs with (benchmarks.contestants.parts).
    Raises DidNotStart.
    """
    root.mkdir()
    policies = parts.shipped_policies(root / "policies", upstream)
    edit(policies)
    (root / "settings.yaml").write_text(yaml.safe_dump(dict(settings or {})))
    _provider_keys(root / "state" / "secrets")
    port, otlp, public, internal, admin, health, console, console_tls, identity_provider = free_ports(9)
    options = ["--no-simulator", "--processors", str(processors), "--settings", str(root / "settings.yaml")]
    options += ["--state", str(root / "state"), "--policies", str(policies)]
    options += ["--port", str(port), "--otlp-port", str(otlp), "--console-port", str(console)]
    options += ["--identity-provider-port", str(identity_provider)]  # not the one of the policy: none is run
    for before, after in ((8443, public), (8444, internal), (8445, console_tls), (9901, admin), (8081, health)):
        options += ["--map-port", f"{before}={after}"]
    log = root / "up.log"
    with child(sys.executable, "-m", "gateway_ext.cli.main", "up", *options, log=log) as process:
        token = _wait_for_token(process, log)
        components = {
            "interpreter": interpreter_bytes(),
            "packages": gateway_bytes("control", "credentials", "subjects"),
            "envoy": envoy_bytes(),
        }
        on_path = ("envoy", "processors")
        yield Contestant(name, port, token, _roles(process), on_path, admin=admin, installed=components)


def _provider_keys(secrets: Path) -> None:
    secrets.mkdir(parents=True, mode=0o700)
    for deployment in ("us", "eu"):
        key = secrets / f"simulator-{deployment}"
        key.write_text("key")
        key.chmod(0o600)


def _wait_for_token(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS_MAX
    while (found := re.search(r"OPENAI_API_KEY=(\S+)\n", log.read_text())) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise DidNotStart(log.read_text()[-2000:])
        time.sleep(0.02)
    return found[1]


def _roles(process: subprocess.Popen[Any]) -> dict[str, list[int]]:
    roles: dict[str, list[int]] = {role: [] for role in ROLES.values()} | {"supervisor": [process.pid]}
    for pid, command in children_of(process.pid).items():
        for word, role in ROLES.items():
            if word in command:
                roles[role].append(pid)
                break
    return roles
