"""What it takes to read streamed answers on their way: words a second, delays and memory, and that unread ones cost nothing.

    python -m benchmarks.inspected_streams [--streams 50 200 500] [--json FILE]

All streams of a case are open at the same time, 200 words each at 50 a second, from one upstream. Two cores cannot keep that
pace for 500 streams: what is to be seen then is that none fails, and that all of them get on. CPU is the kernel's
accounting; words per core are those of a second of CPU of Envoy and the processor together. Messages are Envoy's count of
what it sent to the processor. Memory is the processor's, at its peak, and what it grew by a stream.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop
import yaml

from benchmarks import streams
from benchmarks.contestants import Contestant, gateway, plain
from benchmarks.load import request_bytes
from benchmarks.processes import PROJECT, child, cpu_seconds, free_ports, resident_mib, wait_for_port

OPEN_SECONDS = 1.0
LIMIT_SECONDS = 80.0
WATCH_SECONDS = 0.25
BARE, UNREAD, NOTED, ENFORCED = "bare envoy", "gateway, not read", "findings noted", "findings enforced"
_RESPONSES: Mapping[str, object] = {
    NOTED: {"inspect": True},
    ENFORCED: {"inspect": True, "classes": {"personal": {"action": "redact"}, "secret": {"action": "redact"}}},
}
_SENT = re.compile(r"ext_proc\.stream_msgs_sent: (\d+)")
_ADMIN_PORT = re.compile(r"^admin:.*?port_value: (\d+)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """One case with one number of streams. CPU in microseconds a word; memory in MiB, a stream's in KiB."""

    case: str
    streams: int
    failures: int
    words_per_second: float
    words_per_core_second: float
    envoy_us: float
    processor_us: float
    messages_per_stream: float
    first_ms: float  # median, from when the stream was due
    gap_p50_ms: float
    gap_p99_ms: float
    peak_mib: float
    stream_kib: float


def messages_sent(statistics: str) -> int:
    """By Envoy to processors, told by its admin interface in plain text."""
    return sum(map(int, _SENT.findall(statistics)))


def row(
    case: str, result: streams.StreamsResult, cpu: Mapping[str, float], messages: int, mib: tuple[float, float]
) -> Row:
    """`cpu`: seconds by role; `mib`: of the processor, before and at its peak."""
    words = max(1, result.words)
    return Row(
        case=case,
        streams=result.opened,
        failures=result.failures,
        words_per_second=result.words / result.seconds,
        words_per_core_second=words / max(1e-9, sum(cpu.values())),
        envoy_us=cpu.get("envoy", 0.0) / words * 1e6,
        processor_us=cpu.get("processors", 0.0) / words * 1e6,
        messages_per_stream=messages / result.opened,
        first_ms=result.first(50),
        gap_p50_ms=result.gap(50),
        gap_p99_ms=result.gap(99),
        peak_mib=mib[1],
        stream_kib=(mib[1] - mib[0]) * 1024 / result.opened,
    )


async def measure(case: str, contestant: Contestant, count: int) -> Row:
    """`count` streams at once."""
    body = {"model": contestant.model, "messages": [{"role": "user", "content": "Go on."}], "max_tokens": 400}
    body |= {"stream": True, "stream_options": {"include_usage": True}}
    request = request_bytes(contestant.path, json.dumps(body).encode(), contestant.token)
    watched = contestant.processes.get("processors", [])
    before_mib = peak_mib = sum(map(resident_mib, watched))
    before, sent = _cpu(contestant), _messages(contestant)

    async def watch() -> None:
        nonlocal peak_mib
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            peak_mib = max(peak_mib, sum(map(resident_mib, watched)))

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch())
        result = await streams.run(
            contestant.port, request, count=count, open_seconds=OPEN_SECONDS, limit_seconds=LIMIT_SECONDS
        )
        watching.cancel()
    cpu = {role: seconds - before[role] for role, seconds in _cpu(contestant).items()}
    return row(case, result, cpu, _messages(contestant) - sent, (before_mib, peak_mib))


def inspecting(case: str) -> Callable[[Path], None]:
    """An edit of policies: answers are read as `case` says."""

    def edit(policies: Path) -> None:
        guard = policies / "guard.yaml"
        document = yaml.safe_load(guard.read_text())
        if case in _RESPONSES:
            document["responses"] = _RESPONSES[case]
        guard.write_text(yaml.safe_dump(document, sort_keys=False))

    return edit


@contextlib.contextmanager
def running(case: str, root: Path, upstream: int) -> Iterator[Contestant]:
    """Who is measured in `case`."""
    if case == BARE:
        started = plain(case, root, upstream, with_processor=False)
    else:
        started = gateway(case, root, upstream, edit=inspecting(case))
    with started as contestant:
        yield contestant


def report(rows: list[Row]) -> str:
    """A table a person reads."""
    heads = list(asdict(rows[0]))
    lines = ["  ".join(f"{head:>21}" for head in heads)]
    for each in rows:
        values = asdict(each).values()
        lines.append("  ".join(f"{f'{v:,.1f}' if isinstance(v, float) else str(v):>21}" for v in values))
    return "\n".join(lines)


def _cpu(contestant: Contestant) -> dict[str, float]:
    return {role: sum(map(cpu_seconds, contestant.processes.get(role, []))) for role in contestant.on_path}


def _messages(contestant: Contestant) -> int:
    if "processors" not in contestant.processes:
        return 0
    (envoy,) = contestant.processes["envoy"]
    port = _ADMIN_PORT.search(Path(f"/proc/{envoy}/cwd/envoy.yaml").read_text())
    assert port is not None
    with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/stats?filter=stream_msgs_sent", timeout=10) as answer:
        return messages_sent(answer.read().decode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, nargs="+", default=[50, 200, 500])
    parser.add_argument("--cases", nargs="+", choices=[BARE, UNREAD, NOTED, ENFORCED], metavar="CASE",
                        default=[BARE, UNREAD, NOTED, ENFORCED])  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rows: list[Row] = []
    (upstream,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="gw-") as directory:
        script = PROJECT / "benchmarks" / "fixed_upstream.py"
        with child(sys.executable, script, str(upstream), log=Path(directory) / "upstream.log"):
            wait_for_port(upstream)
            for number, case in enumerate(options.cases):
                with running(case, Path(directory) / str(number), upstream) as contestant:
                    for count in options.streams:
                        rows.append(uvloop.run(measure(case, contestant, count)))
                        print(report(rows[-1:]), flush=True)
    print(report(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
