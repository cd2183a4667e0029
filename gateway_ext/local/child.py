"""One child process: started so that it cannot outlive us, watched, restarted with back-off, stopped with a grace."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from gateway_ext.local.child_log import ChildLog
from gateway_ext.local.cores import ANY, confine

PROBE_SECONDS = 0.03  # while starting
WATCH_SECONDS = 5.0  # afterwards: each look costs both processes milliseconds
BACKOFF_FIRST_SECONDS = 0.2
BACKOFF_MAX_SECONDS = 5.0
OUTPUT_END_SECONDS = 1.0  # for the last words of an ended process, should a stranger hold its pipe open
STABLE_SECONDS = 10.0  # after this long a crash counts as the first one again

_DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"  # runs, but its probe says no
    CRASHED = "crashed"  # waits for its restart
    STOPPED = "stopped"


async def always_ready() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `probe` answers whether it is ready; it must not raise. `environment` adds to ours.

    `waits`: it starts only when all of the stages before its own are ready. `cores`: where it runs once it is ready itself.
    """

    name: str
    argv: Sequence[str]
    probe: Callable[[], Awaitable[bool]] = always_ready
    working_directory: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_grace_seconds: float = 10.0
    waits: bool = True
    cores: frozenset[int] = ANY


@dataclass(frozen=True, slots=True)
class Status:
    name: str
    pid: int | None
    state: State
    restarts: int


class Child:
    """Runs one program for as long as `run` is awaited."""

    def __init__(self, program: Program, log: ChildLog, on_change: Callable[[Status], None]):
        self.program = program
        self.log = log
        self.was_ready = asyncio.Event()
        self._on_change = on_change
        self._process: asyncio.subprocess.Process | None = None
        self._state = State.STARTING
        self._restarts = 0
        self._hurry = asyncio.Event()

    @property
    def status(self) -> Status:
        pid = self._process.pid if self._process is not None and self._process.returncode is None else None
        return Status(self.program.name, pid, self._state, self._restarts)

    def hurry(self) -> None:
        """Do not wait for the grace to end."""
        self._hurry.set()

    async def run(self) -> int:
        """Start, watch and restart until cancelled; then stop the process and wait for its end.

        Returns the exit status only when the process ends before it was ever ready: that is a wrong configuration,
        not a crash, and starting again would hide it. Raises OSError when it cannot be started the first time.
        """
        try:
            return await self._run_and_restart()
        finally:
            self._enter(State.STOPPED)

    async def _run_and_restart(self) -> int:
        loop = asyncio.get_running_loop()
        backoff_seconds = BACKOFF_FIRST_SECONDS
        while True:
            started_at = loop.time()
            try:
                status = await self._run_once()
            except OSError:
                if not self.was_ready.is_set():
                    raise
                status = 1
            if not self.was_ready.is_set():
                return status
            if loop.time() - started_at >= STABLE_SECONDS:
                backoff_seconds = BACKOFF_FIRST_SECONDS
            self._enter(State.CRASHED)
            await asyncio.sleep(backoff_seconds)
            backoff_seconds = min(2 * backoff_seconds, BACKOFF_MAX_SECONDS)
            self._restarts += 1

    async def _run_once(self) -> int:
        self._enter(State.STARTING)
        process, output = await _spawn(self.program)
        self._process = process
        loop = asyncio.get_running_loop()
        following = loop.create_task(self.log.follow(output))
        watching = loop.create_task(self._watch())
        try:
            return await process.wait()
        finally:
            watching.cancel()
            if process.returncode is None:
                await self._stop(process)
            _kill_group(process.pid)  # whatever the child started itself and left behind
            await asyncio.wait((following, watching), timeout=OUTPUT_END_SECONDS)
            following.cancel()

    async def _watch(self) -> None:
        while True:
            is_ready = await self.program.probe()
            if is_ready and self._state is State.STARTING and (pid := self.status.pid) is not None:
                confine(pid, self.program.cores)
            if is_ready:
                self.was_ready.set()
            if is_ready or self._state is State.READY:
                self._enter(State.READY if is_ready else State.UNREADY)
            await asyncio.sleep(PROBE_SECONDS if self._state is State.STARTING else WATCH_SECONDS)

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        """SIGTERM, then SIGKILL to the whole group when the grace is over or somebody is in a hurry."""
        process.terminate()
        waiting = asyncio.get_running_loop().create_task(process.wait())
        hurried = asyncio.get_running_loop().create_task(self._hurry.wait())
        grace_seconds = self.program.stop_grace_seconds
        await asyncio.wait((waiting, hurried), timeout=grace_seconds, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        _kill_group(process.pid)
        await waiting

    def _enter(self, state: State) -> None:
        if state is not self._state or state is State.STARTING:
            self._state = state
            self._on_change(self.status)


async def _spawn(program: Program) -> tuple[asyncio.subprocess.Process, BinaryIO]:
    """The process and the pipe of its output. The pipe is ours, because asyncio's own makes wait() wait for its end,
    which may be long after the process's: whatever the process started inherits it.
    """
    if shutil.which(program.argv[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program.argv[0])
    read_end, write_end = os.pipe()
    output = os.fdopen(read_end, "rb", buffering=0)
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_DIE_WITH_PARENT), str(os.getpid())),
            *program.argv,
            cwd=program.working_directory,
            env={**os.environ, **program.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=write_end,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,  # Ctrl-C reaches us alone; we stop children in order
        )
    except BaseException:
        output.close()
        raise
    finally:
        os.close(write_end)
    return process, output


def _kill_group(pid: int) -> None:
    """Kill the process group that we created for `pid`."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
