"""How long it takes from `gateway-ext up` to the first answered request, and what takes it.

    python -m benchmarks.start.cold_start [--rounds 3] [--processors 2] [--json FILE]

Each round starts the gateway, simulated provider included, on an empty state directory and then on the one that it left.
Seconds count from the start of the command; the first request is sent when the banner with the credential is out. CPU is the
kernel's accounting of each process until then: with other work on the cores it says more than the seconds do. Figures
are medians over the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from benchmarks.contestants.parts import shipped_policies
from benchmarks.machine.processes import PROJECT, children_of, cpu_seconds, free_ports
from benchmarks.machine.usage import held

UP = "up"
FRESH, KEPT = "fresh state", "kept state"
ANSWER_SECONDS_MAX = 60
PROCESSORS = 2  # as `gateway-ext up` starts by itself
_STATUS = re.compile(r"([a-z0-9-]+): (starting|ready)$")
_COMMAND = (sys.executable, "-m", "gateway_ext.cli.main")


@dataclass(frozen=True, slots=True)
class Start:
    """One start. All by program: seconds after the command until it was started, and ready; CPU seconds and PSS by the
    first answer, which came after `answered_seconds`."""

    started_seconds: Mapping[str, float]
    ready_seconds: Mapping[str, float]
    answered_seconds: float
    cpu_seconds: Mapping[str, float]
    pss_mib: Mapping[str, float]


def start(root: Path, ports: Sequence[int], processors: int) -> Start:
    """Start the gateway below `root`, ask once, and stop it. Raises RuntimeError when it does not start or not answer."""
    began = time.perf_counter()
    with _running(root, ports, processors) as (process, output):
        started: dict[str, float] = {}
        ready: dict[str, float] = {}
        token, said = "", ""
        for line in output:
            said += line
            if status := _STATUS.match(line):
                (ready if status[2] == "ready" else started)[status[1]] = time.perf_counter() - began
            if banner := re.search(r"OPENAI_API_KEY=(\S+)", line):
                token = banner[1]
                break
        if not token:
            raise RuntimeError(f"the gateway did not start:\n{said[-2000:]}")
        _ask(ports[0], token)
        answered = time.perf_counter() - began
        programs = {UP: process.pid, **_programs(process.pid)}
        return Start(
            started,
            ready,
            answered,
            {name: cpu_seconds(pid) for name, pid in programs.items()},
            {name: held([pid]).pss_kib / 1024 for name, pid in programs.items()},
        )


@contextlib.contextmanager
def _running(root: Path, ports: Sequence[int], processors: int) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    port, simulator, login, otlp, console, *mapped = ports
    options = ["--state", root / "state", "--policies", root / "policies", "--processors", processors, "--port", port]
    options += ["--simulator-port", simulator, "--otlp-port", otlp, "--console-port", console]
    options += ["--identity-provider-port", login]
    for before, after in zip((8443, 8444, 8445, 9901, 8081), mapped, strict=True):
        options += ["--map-port", f"{before}={after}"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        [*_COMMAND, "up", *map(str, options)],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout
        finally:
            process.terminate()
            process.stdout.read()  # its last words, which it could not say to a closed pipe


def _policies(target: Path, ports: Sequence[int]) -> Path:
    """The shipped ones, with the simulator and the identity provider of `up` at these ports."""
    _, simulator, login, *_ = ports
    identity = shipped_policies(target, simulator) / "identity.yaml"
    identity.write_text(identity.read_text().replace("127.0.0.1:18090", f"127.0.0.1:{login}"))
    return target


def _ask(port: int, token: str) -> None:
    question = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS_MAX)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/chat/completions", json.dumps(question), headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"the first request was answered with {answer.status}: {answer.read()!r}")


def _programs(parent: int) -> dict[str, int]:
    """Process id by the program's name, as `up` calls it."""
    found = {}
    for pid, command in children_of(parent).items():
        name = command[command.index("gateway_ext.cli.main") + 1] if "gateway_ext.cli.main" in command else "envoy"
        found[f"processor-{command[command.index('--index') + 1]}" if name == "processor" else name] = pid
    return found


def median(starts: Sequence[Start]) -> Start:
    """The median of each figure."""

    def each(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
        return {name: statistics.median(one[name] for one in figures) for name in figures[0]}

    return Start(
        each([one.started_seconds for one in starts]),
        each([one.ready_seconds for one in starts]),
        statistics.median(one.answered_seconds for one in starts),
        each([one.cpu_seconds for one in starts]),
        each([one.pss_mib for one in starts]),
    )


def report(results: Mapping[str, Start], parts: Mapping[str, Mapping[str, float]]) -> str:
    """A table a person reads."""
    lines = [f"{'':<28}" + "".join(f"{state + ', s':>16}{'CPU s':>8}{'PSS MiB':>9}" for state in results)]
    first = next(iter(results.values()))
    by_readiness = sorted(first.ready_seconds, key=first.ready_seconds.__getitem__)
    rows = [(f"{UP}: first child started", UP), *((f"{name} ready", name) for name in by_readiness)]
    for label, name in rows:
        cells = ""
        for one in results.values():
            program = {"simulator": "simulate", "identity-provider": "local-identity-provider"}.get(name, name)
            seconds = min(one.started_seconds.values()) if name == UP else one.ready_seconds[name]
            cells += f"{seconds:>16.2f}{one.cpu_seconds[program]:>8.2f}{one.pss_mib[program]:>9.0f}"
        lines.append(f"{label:<28}{cells}")
    total = "".join(
        f"{one.answered_seconds:>16.2f}{sum(one.cpu_seconds.values()):>8.2f}{sum(one.pss_mib.values()):>9.0f}"
        for one in results.values()
    )
    lines += [f"{'first request answered':<28}{total}", "", "a processor alone, part by part"]
    lines += [f"  {part:<26}{'':>16}{one['cpu_seconds']:>8.2f}{one['pss_mib']:>9.0f}" for part, one in parts.items()]
    return "\n".join(lines)


def run(
    rounds: int, processors: int = PROCESSORS, then: Callable[[Path], None] = lambda directory: None
) -> dict[str, Start]:
    """Medians by state. `then` is called after each round's starts with the directory below which they were."""
    found: dict[str, list[Start]] = {FRESH: [], KEPT: []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="gw-cold-") as directory:
            ports = free_ports(10)
            _policies(Path(directory, "policies"), ports)
            for starts in found.values():
                starts.append(start(Path(directory), ports, processors))
            then(Path(directory))
    return {state: median(starts) for state, starts in found.items()}


def parts_of_a_processor(directory: Path) -> dict[str, dict[str, float]]:
    """The parts of a processor's start (processor_start.py)."""
    where = (str(directory / "state"), str(directory / "policies"))
    command = [sys.executable, "-m", "benchmarks.start.processor_start", *where]
    parts: dict[str, dict[str, float]] = json.loads(
        subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    )
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processors", type=int, default=PROCESSORS)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    parts: dict[str, dict[str, float]] = {}
    results = run(options.rounds, options.processors, lambda directory: parts.update(parts_of_a_processor(directory)))
    print(report(results, parts))
    if options.json:
        document = {"starts": {state: asdict(one) for state, one in results.items()}, "processor": parts}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
