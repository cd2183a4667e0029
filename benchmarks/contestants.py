"""What `make bench` compares: bare Envoy, Envoy with an empty external processor, and the gateway with everything on."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import plain_envoy
from benchmarks.processes import ENVOY, PROJECT, child, children_of, free_ports, wait_for_port

ENVOY_THREADS = 2  # as `gateway-ext up` gives its own


@dataclass(frozen=True, slots=True)
class Contestant:
    """Something that answers on `port`. `processes` maps what is measured to process ids."""

    name: str
    port: int
    token: str
    processes: dict[str, list[int]]


@contextlib.contextmanager
def plain(name: str, root: Path, upstream: int, *, with_processor: bool) -> Iterator[Contestant]:
    """Bare Envoy, or the floor of this design: Envoy and an ext_proc server in Python that only says yes."""
    root.mkdir()
    listen, admin = free_ports(2)
    socket = root / "p.sock"
    with contextlib.ExitStack() as stack:
        processes: dict[str, list[int]] = {}
        if with_processor:
            script = PROJECT / "benchmarks" / "empty_processor.py"
            empty = stack.enter_context(child(sys.executable, script, str(socket), log=root / "processor.log"))
            processes["processors"] = [empty.pid]
            while not socket.exists():
                time.sleep(0.05)
        config = plain_envoy.config(
            listen=listen, admin=admin, upstream=upstream, processor_socket=str(socket) if with_processor else None
        )
        (root / "envoy.json").write_text(json.dumps(config))
        envoy = stack.enter_context(_envoy(root, "envoy.json"))
        processes["envoy"] = [envoy.pid]
        wait_for_port(listen)
        yield Contestant(name, listen, "", processes)


@contextlib.contextmanager
def gateway(name: str, root: Path, upstream: int) -> Iterator[Contestant]:
    """`gateway-ext up` with one processor: JWT, budgets, the Guard, routing, audit and delivery, all on."""
    root.mkdir()
    policies = root / "policies"
    shutil.copytree(PROJECT / "policies", policies)
    providers = policies / "providers.yaml"
    providers.write_text(providers.read_text().replace("127.0.0.1:18081", f"127.0.0.1:{upstream}"))
    budgets = policies / "budgets.yaml"  # a run must not be cut short by an empty purse
    budgets.write_text(re.sub(r"amount: *[\d.]+", "amount: 100000", budgets.read_text()))
    secrets = root / "state" / "secrets"
    secrets.mkdir(parents=True, mode=0o700)
    for deployment in ("us", "eu"):
        (secrets / f"simulator-{deployment}").write_text("key")
        (secrets / f"simulator-{deployment}").chmod(0o600)
    port, otlp, public, internal, admin, health, console, console_tls, identity_provider = free_ports(9)
    options = ["--no-simulator", "--processors", "1", "--state", str(root / "state"), "--policies", str(policies)]
    options += ["--port", str(port), "--otlp-port", str(otlp), "--console-port", str(console)]
    options += ["--identity-provider-port", str(identity_provider)]  # not the one of the policy: none is run
    for before, after in ((8443, public), (8444, internal), (8445, console_tls), (9901, admin), (8081, health)):
        options += ["--map-port", f"{before}={after}"]
    log = root / "up.log"
    with child(sys.executable, "-m", "gateway_ext.cli.main", "up", *options, log=log) as process:
        deadline = time.monotonic() + 60
        while "OPENAI_API_KEY=" not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the gateway did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)
        token = re.search(r"OPENAI_API_KEY=(\S+)", log.read_text())
        assert token is not None
        yield Contestant(name, port, token[1], _roles(process))


def _roles(process: subprocess.Popen[bytes]) -> dict[str, list[int]]:
    roles: dict[str, list[int]] = {"envoy": [], "processors": [], "control": [], "otlp-sink": []}
    for pid, command in children_of(process.pid).items():
        if "envoy.yaml" in command:
            roles["envoy"].append(pid)
        elif "processor" in command:
            roles["processors"].append(pid)
        elif "control" in command:
            roles["control"].append(pid)
        elif "otlp-sink" in command:
            roles["otlp-sink"].append(pid)
    return roles


def _envoy(root: Path, config: str) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    threads = ("--concurrency", str(ENVOY_THREADS))
    return child(
        ENVOY, "-c", config, *threads, "-l", "error", "--disable-hot-restart", log=root / "envoy.log", directory=root
    )
