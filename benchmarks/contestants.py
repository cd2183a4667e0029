"""What `make bench` compares: the upstream alone, bare Envoy, the two floors of this design, and the gateway.

Each is a context manager that starts it below a new directory and ends it again. Peers: `benchmarks.peers`.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks import parts, plain_envoy
from benchmarks.installed import envoy_bytes, gateway_bytes, interpreter_bytes
from benchmarks.processes import ENVOY, PROJECT, child, children_of, free_ports, wait_for_port

ENVOY_THREADS = 2  # as `gateway-ext up` gives its own
START_SECONDS_MAX = 90
ROLES = {"envoy.yaml": "envoy", "processor": "processors", "control": "control", "otlp-sink": "otlp-sink"}


class DidNotStart(Exception):  # noqa: N818  (an outcome that is reported, no fault of ours)
    """A contestant that cannot take part; its text says why, and is shown in its row."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """Something that answers on `port` of the loopback address.

    `processes` maps roles to process ids, of all that belongs to it; those of `on_path` are what a caller waits for.
    `path` is where chats are asked; `headers` are further ones that each request needs. Without an `embedding_model`
    it serves no embeddings. `installed`: bytes that an image of it would hold, by component.
    """

    name: str
    port: int
    token: str = field(repr=False)
    processes: dict[str, list[int]]
    on_path: tuple[str, ...]
    path: str = "/v1/chat/completions"
    model: str = "assistant"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    embedding_model: str = "embedder"
    installed: Mapping[str, int] = field(default_factory=dict)


@contextlib.contextmanager
def direct(name: str, root: Path, upstream: int) -> Iterator[Contestant]:
    """Nobody between caller and upstream: what is added is counted from here."""
    yield Contestant(name, upstream, "", {}, ())


@contextlib.contextmanager
def plain(
    name: str, root: Path, upstream: int, *, with_processor: bool, reads_response_headers: bool = True
) -> Iterator[Contestant]:
    """Bare Envoy, or a floor of this design: Envoy and an ext_proc server in Python that only says yes.

    A floor gets request headers and body, and response headers or, as the product of an uninspected answer, nothing more.
    """
    root.mkdir()
    listen, admin = free_ports(2)
    socket = root / "p.sock"
    with contextlib.ExitStack() as stack:
        processes: dict[str, list[int]] = {}
        installed = {} if with_processor else {"envoy": envoy_bytes()}  # nobody would ship a floor
        if with_processor:
            script = PROJECT / "benchmarks" / "empty_processor.py"
            last = "response_headers" if reads_response_headers else "request_body"
            empty = stack.enter_context(child(sys.executable, script, str(socket), last, log=root / "processor.log"))
            processes["processors"] = [empty.pid]
            while not socket.exists():
                time.sleep(0.05)
        config = plain_envoy.config(
            listen=listen,
            admin=admin,
            upstream=upstream,
            processor_socket=str(socket) if with_processor else None,
            reads_response_headers=reads_response_headers,
        )
        (root / "envoy.json").write_text(json.dumps(config))
        threads = ("--concurrency", str(ENVOY_THREADS))
        command = (ENVOY, "-c", "envoy.json", *threads, "-l", "error", "--disable-hot-restart")
        envoy = stack.enter_context(child(*command, log=root / "envoy.log", directory=root))
        wait_for_port(listen)
        in_order = {"envoy": [envoy.pid]} | processes
        yield Contestant(name, listen, "", in_order, tuple(in_order), installed=installed)


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

    `settings` are process settings; `edit` changes the copy of the shipped policies that it runs with (benchmarks.parts).
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
        yield Contestant(name, port, token, _roles(process), ("envoy", "processors"), installed=components)


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
