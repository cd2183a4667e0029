"""How many records a second are exported and verified, by format, and how much memory that takes.

    python -m benchmarks.audit.export [--records 100000] [--formats jsonl csv parquet] [--directory DIR]

Writes two logs of so many records altogether, signs them, and runs `gateway-ext audit export` of all of them and `audit verify`
of the export, each in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.audit.search import write_segments
from gateway_ext.audit.checkpoint_file import CheckpointFile
from gateway_ext.audit.checkpoint_keys import load_or_make_key
from gateway_ext.audit.checkpointer import Checkpointer
from gateway_ext.clock import SystemClock

ORIGIN = "gateway.example/audit"
FORMATS = ("jsonl", "csv", "parquet")


# A command that tells its own peak: the one that its parent is told (getrusage(2)) is the parent's own, if that was larger.
_COMMAND = """
import pathlib, sys
from gateway_ext.cli.main import main
code = main(sys.argv[1:])
print(pathlib.Path("/proc/self/status").read_text(), file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one command: seconds by the clock and of CPU, peak memory in MB."""

    command: str
    seconds: float
    cpu_seconds: float
    peak_mb: float


def prepare(state: Path, records: int) -> None:
    """A state directory with signed logs."""
    write_segments(state / "spool", records // 2)
    state.chmod(0o700)
    signer = load_or_make_key(state / "checkpoint.key")
    roots = state / "spool", state / "trees", state / "archive"
    checkpointer = Checkpointer(*roots, ORIGIN, signer, SystemClock(), 10, records)
    while _signed(state) < records:
        checkpointer.step(at_once=True)
    checkpointer.close()


def measure(directory: Path, records: int, formats: Sequence[str] = FORMATS) -> Iterator[Figures]:
    """Raises CalledProcessError when a command fails: an export that cannot be verified, for one."""
    state = directory / "state"
    prepare(state, records)
    logs = [CheckpointFile(tree) for tree in (state / "trees").iterdir()]
    keys = directory / "keys"
    keys.write_text("".join(f"{key}\n" for log in logs for key in log.keys()))  # noqa: SIM118  (no mapping)
    for form in formats:
        out = directory / form
        arguments = ["export", str(out), "--format", form, "--purpose", "benchmark", "--state", str(state)]
        yield _run(f"export, {form}", arguments)
        yield _run(f"verify, {form}", ["verify", str(out), "--key", str(keys)])


def _signed(state: Path) -> int:
    found = [CheckpointFile(tree).latest() for tree in (state / "trees").glob("*")]
    return sum(each.size for each in found if each)


def _run(name: str, arguments: Sequence[str]) -> Figures:
    command = [sys.executable, "-c", _COMMAND, "audit", *arguments]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=said)
    peak_kib = int(said.rpartition("VmHWM:")[2].split()[0])
    return Figures(name, seconds, usage.ru_utime + usage.ru_stime, peak_kib / 1024)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--directory", help="where files are made (default: the system's)")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="audit-export-", dir=options.directory) as directory:
        print("| | seconds | CPU s | records/s | per CPU s | peak MB |\n|---|---|---|---|---|---|", flush=True)
        for each in measure(Path(directory), options.records, options.formats):
            rates = f"{options.records / each.seconds:,.0f} | {options.records / each.cpu_seconds:,.0f}"
            print(
                f"| {each.command} | {each.seconds:.1f} | {each.cpu_seconds:.1f} | {rates} | {each.peak_mb:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
