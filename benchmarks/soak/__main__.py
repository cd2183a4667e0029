"""A soak: the whole gateway under mixed traffic for a while. Does memory stay flat, do descriptors, does latency?

    python -m benchmarks.soak [--minutes 10] [--rate 100] [--out DIRECTORY]

Plain chats, findings, blocked ones, embeddings, streams (a third of them aborted), refused credentials and models, at a constant
arrival rate; policy changes every 20 seconds. Writes soak.json and soak.svg below DIRECTORY (benchmarks/results) and prints
slopes. Ends with 1 when memory grows by more than 1 MiB per 100,000 requests beyond two standard errors, when descriptors or
threads grow, or when anything is answered as it should not be.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import uvloop

from benchmarks.contestants.contestant import Contestant
from benchmarks.contestants.gateway import gateway
from benchmarks.load import fixed_upstream
from benchmarks.load.generator import percentile
from benchmarks.machine.processes import PROJECT
from benchmarks.machine.usage import held
from benchmarks.soak import traffic
from benchmarks.soak.chart import chart
from benchmarks.soak.verdict import Window, faults, report

WINDOW_SECONDS = 5.0
POLICY_SECONDS = 20.0


async def soak(contestant: Contestant, policies: Path, *, rate: float, seconds: float) -> list[Window]:
    """Raises FileNotFoundError or ProcessLookupError when a process of the gateway has ended."""
    windows: list[Window] = []
    requests, began = 0, time.monotonic()
    async with _policy_changes(policies), traffic.Streams(contestant, rate) as streams:
        while time.monotonic() - began < seconds:
            passed = await traffic.window(contestant, rate, WINDOW_SECONDS)
            streamed = streams.take()
            requests += passed.requests + streamed.requests
            windows.append(
                Window(
                    seconds=time.monotonic() - began,
                    requests=requests,
                    held={role: held(pids) for role, pids in contestant.processes.items()},
                    p50_ms=percentile(passed.latencies_ms, 50),
                    p99_ms=percentile(passed.latencies_ms, 99),
                    wrong=dict(passed.wrong + streamed.wrong),
                )
            )
            print(f"\r{windows[-1].seconds:5.0f} s {requests:8,} requests", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return windows


@contextlib.asynccontextmanager
async def _policy_changes(policies: Path) -> AsyncIterator[None]:
    """While the context lasts, another policy every POLICY_SECONDS: one more rule of access, and one less."""

    async def change() -> None:
        file = policies / "access.yaml"
        shipped = file.read_text()
        rule = "  - {name: soak, models: [embedder], teams: [nobody]}\n"
        while True:
            for text in (shipped.replace("access:\n", f"access:\n{rule}", 1), shipped):
                await asyncio.sleep(POLICY_SECONDS)
                file.write_text(text)

    task = asyncio.get_running_loop().create_task(change(), name="policy changes")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.contextmanager
def running(root: Path) -> Iterator[tuple[Contestant, Path]]:
    """The gateway before its upstream, and its policies."""
    with (
        fixed_upstream.running(root) as upstream,
        gateway("gateway", root / "gateway", upstream) as contestant,
    ):
        yield contestant, root / "gateway" / "policies"


def as_json(windows: Sequence[Window], options: argparse.Namespace) -> str:
    machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
    document = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine,
        "minutes": options.minutes,
        "rate": options.rate,
        "faults": faults(windows),
        "windows": [asdict(each) for each in windows],
    }
    return json.dumps(document, indent=1) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=100.0, help="requests per second (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=PROJECT / "benchmarks" / "results", metavar="DIRECTORY")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="gw-soak-") as directory,
        running(Path(directory)) as (contestant, policies),
    ):
        windows = uvloop.run(soak(contestant, policies, rate=options.rate, seconds=options.minutes * 60))
    print(report(windows))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "soak.json").write_text(as_json(windows, options))
    (options.out / "soak.svg").write_text(chart(windows))
    return 1 if faults(windows) else 0


if __name__ == "__main__":
    sys.exit(main())
