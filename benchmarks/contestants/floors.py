"""What the gateway is compared with: the upstream alone, Envoy alone, and the floors of this design."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.contestants import empty_processor, plain_envoy
from benchmarks.contestants.contestant import Contestant
from benchmarks.machine.processes import ENVOY, child, free_ports, wait_for_port
from benchmarks.start.installed import envoy_bytes
from gateway_ext.local.cores import confine, shares

ENVOY_THREADS = 2  # as `gateway-ext up` gives its own


@contextlib.contextmanager
def direct(name: str, root: Path, upstream: int) -> Iterator[Contestant]:
    """Nobody between caller and upstream: what is added is counted from here."""
    yield Contestant(name, upstream, "", {}, ())


@contextlib.contextmanager
def plain(
    name: str,
    root: Path,
    upstream: int,
    *,
    with_processor: bool,
    reads_response_headers: bool = True,
    is_placed: bool = False,
) -> Iterator[Contestant]:
    """Bare Envoy, or a floor of this design: Envoy and an ext_proc server in Python that only says yes.

    A floor gets request headers and body, and response headers or, as the product of an uninspected answer, nothing more.
    `is_placed`: on cores of its own, as `gateway-ext up` places a processor.
    """
    root.mkdir()
    listen, admin = free_ports(2)
    socket = root / "p.sock"
    with contextlib.ExitStack() as stack:
        processes: dict[str, list[int]] = {}
        installed = {} if with_processor else {"envoy": envoy_bytes()}  # nobody would ship a floor
        if with_processor:
            last = "response_headers" if reads_response_headers else "request_body"
            program = (sys.executable, "-m", empty_processor.__name__, str(socket), last)
            empty = stack.enter_context(child(*program, log=root / "processor.log"))
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
        if is_placed:
            placed = shares(os.sched_getaffinity(0), 1)
            confine(envoy.pid, placed.others)
            confine(empty.pid, *placed.processors)
        in_order = {"envoy": [envoy.pid]} | processes
        yield Contestant(name, listen, "", in_order, tuple(in_order), admin=admin, installed=installed)
