"""Checkpoints to where the gateway's own user cannot change them: by the operator's program, whose answer is kept.

The program gets the newest signed note of a log on its standard input. What it prints (a witness's cosignature, a time
stamp token, nothing) is kept beside the checkpoint. Nothing waits for it but the next checkpoint of the same log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from gateway_ext import limits
from gateway_ext.audit.checkpoint_file import Answer, CheckpointFile
from gateway_ext.audit.segments import process_directories
from gateway_ext.errors import ConfigurationError

_POLL_SECONDS = 1.0

_log = logging.getLogger(__name__)


class _Clock(Protocol):
    def now_unix_nano(self) -> int: ...
    def monotonic_ns(self) -> int: ...


class Publishing:
    """Gives each log's newest checkpoint to `program`, at most once in `seconds`, also after a failure.

    `program` blocks, returns the answer, and raises ConfigurationError when there is none.
    """

    def __init__(
        self,
        trees_root: Path,
        program: Callable[[bytes], bytes],
        clock: _Clock,
        seconds: float = limits.CHECKPOINT_COMMAND_SECONDS,
    ):
        self._trees_root = trees_root
        self._program = program
        self._clock = clock
        self._wait_ns = int(seconds * 1e9)
        self._next_ns: dict[Path, int] = {}
        self._failing: set[Path] = set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await asyncio.to_thread(self.step)
            await asyncio.sleep(_POLL_SECONDS)

    def step(self) -> None:
        """Publish what is due. Blocks. No failure ends it."""
        for directory in process_directories(self._trees_root):
            now_ns = self._clock.monotonic_ns()
            if now_ns >= self._next_ns.get(directory, now_ns):
                try:
                    if self._publish(directory):
                        self._next_ns[directory] = now_ns + self._wait_ns
                except (OSError, ValueError, ConfigurationError) as error:
                    self._next_ns[directory] = now_ns + self._wait_ns
                    if directory not in self._failing:
                        _log.error("log of '%s': a checkpoint is not published: %s", directory.name, _said(error))
                    self._failing.add(directory)

    def _publish(self, directory: Path) -> bool:
        file = CheckpointFile(directory)
        latest, answered = file.latest(), file.latest_answer()
        if latest is None or (answered is not None and answered.size >= latest.size):
            return False
        answer = self._program(latest.note)
        file.keep_answer(Answer(self._clock.now_unix_nano(), latest.size, answer))
        if directory in self._failing:
            self._failing.remove(directory)
            _log.warning("log of '%s': checkpoints are published again", directory.name)
        return True


def _said(error: Exception) -> str:
    return error.strerror or "" if isinstance(error, OSError) else str(error)
