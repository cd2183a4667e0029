"""Signs checkpoints of every process's log. Runs in the control process, beside none or many writers."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway_ext import limits
from gateway_ext.audit.checkpoint import Checkpoint, sign_checkpoint
from gateway_ext.audit.checkpoint_file import OvertakenError, SignedCheckpoint
from gateway_ext.audit.exclusive import lock_exclusively
from gateway_ext.audit.lane_tree import LaneTree, NotDurableError
from gateway_ext.audit.segments import process_directories
from gateway_ext.audit.signed_note import NoteSigner, VerifierKey
from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import make_private_directory

_POLL_SECONDS = 1.0
_NANO = 1_000_000_000

_log = logging.getLogger(__name__)


class _Clock(Protocol):
    def now_unix_nano(self) -> int: ...
    def monotonic_ns(self) -> int: ...


@dataclass(slots=True)
class _Log:
    """One log at work. `signed` is its last checkpoint, as this process knows it."""

    tree: LaneTree
    signed: SignedCheckpoint | None
    waiting_since_ns: int | None = None  # that there is a leaf without a checkpoint
    trouble: str = ""  # that keeps it from being signed, as it was told
    not_before_ns: int = 0

    @property
    def unsigned(self) -> int:
        return self.tree.size - (self.signed.size if self.signed else 0)


class Checkpointer:
    """A checkpoint of each log that has grown: `seconds` after its first new record, or after `records` of them.

    A log whose tree is not what was signed, whose disk does not store, or that somebody else signs as well is not signed
    any more until the next start; the others go on. While the clock stands before the last checkpoint nothing is signed.
    Raises ConfigurationError for an origin that signed notes cannot carry.
    """

    def __init__(
        self,
        spool_root: Path,
        trees_root: Path,
        archive_root: Path,
        origin: str,
        signer: NoteSigner,
        clock: _Clock,
        seconds: float = limits.CHECKPOINT_SECONDS,
        records: int = limits.CHECKPOINT_RECORDS,
    ):
        self._spool_root = spool_root
        self._trees_root = trees_root
        self._archive_root = archive_root
        self._origin = origin
        self._signer = signer
        self._clock = clock
        self._wait_ns = int(seconds * _NANO)
        self._records = records
        self._logs: dict[str, _Log] = {}
        self._stopped: set[str] = set()
        self._mutex = threading.Lock()
        try:
            VerifierKey(f"{origin}/", signer.public_key)
        except ValueError as error:
            raise ConfigurationError(f"setting 'audit_origin': {error}") from None

    async def run(self) -> None:
        """Sign until cancelled, and once more then. Raises ConfigurationError when another one works on these logs."""
        make_private_directory(self._trees_root)
        lock = lock_exclusively(self._trees_root / "lock", "audit checkpoints")
        try:
            while True:
                await asyncio.to_thread(self.step)
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            await asyncio.to_thread(self.step, at_once=True)
            self.close()
            os.close(lock)

    def step(self, *, at_once: bool = False) -> None:
        """Follow every log, and sign those whose time has come, or all. Blocks. No failure of a log ends it."""
        with self._mutex:  # a step that nobody waits for any more may still be under way
            for directory in process_directories(self._spool_root):
                if directory.name not in self._stopped:
                    self._attempt(directory, at_once=at_once)

    def close(self) -> None:
        for log in self._logs.values():
            log.tree.close()
        self._logs.clear()

    def _attempt(self, directory: Path, *, at_once: bool) -> None:
        try:
            log = self._logs.get(directory.name) or self._open(directory)
            while log.tree.absorb():
                if log.unsigned >= self._records:
                    self._sign(log)
            if self._is_due(log) or (at_once and log.unsigned):
                self._sign(log)
        except OSError as error:  # what the tree has in memory may not be what it has on disk
            _log.error("log of '%s': not signed now (%s)", directory.name, error.strerror)
            self._forget(directory.name)
        except NotDurableError as error:
            self._stop(directory.name, f"an fsync failed ({error})")
        except OvertakenError:
            self._stop(directory.name, "another process has signed a checkpoint of it")
        except (ConfigurationError, ValueError) as error:
            self._stop(directory.name, str(error))

    def _open(self, directory: Path) -> _Log:
        tree = LaneTree(directory, self._trees_root / directory.name, self._archive_root / directory.name)
        if tree.checkpoints.note_key(VerifierKey(self._origin_of(tree), self._signer.public_key)):
            _log.warning(
                "log of '%s': another key signs from now on; publish it (gateway-ext audit checkpoint)", tree.name
            )
        log = self._logs[directory.name] = _Log(tree, tree.checkpoints.latest())
        return log

    def _origin_of(self, tree: LaneTree) -> str:
        return f"{self._origin}/{tree.name}"

    def _is_due(self, log: _Log) -> bool:
        if not log.unsigned:
            log.waiting_since_ns = None
            return False
        now_ns = self._clock.monotonic_ns()
        if log.waiting_since_ns is None:
            log.waiting_since_ns = now_ns
        is_full_or_late = log.unsigned >= self._records or now_ns - log.waiting_since_ns >= self._wait_ns
        return is_full_or_late and now_ns >= log.not_before_ns

    def _sign(self, log: _Log) -> None:
        now = self._clock.now_unix_nano()
        if log.signed and now <= log.signed.time_unix_nano:
            self._complain(log, "the clock does not stand behind the last checkpoint")
            return
        log.tree.sync()
        checkpoint = Checkpoint(self._origin_of(log.tree), log.tree.size, log.tree.root())
        try:
            note = sign_checkpoint(checkpoint, self._signer)
        except ConfigurationError as error:
            log.not_before_ns = self._clock.monotonic_ns() + self._wait_ns
            self._complain(log, error.diagnostics())
            return
        new = SignedCheckpoint(now, checkpoint.size, str(note).encode())
        log.tree.checkpoints.append(log.signed, new)
        log.signed, log.waiting_since_ns = new, None
        if log.trouble:
            log.trouble = ""
            _log.warning("log of '%s': checkpoints are signed again", log.tree.name)

    @staticmethod
    def _complain(log: _Log, trouble: str) -> None:
        """Once an outage."""
        if trouble != log.trouble:
            log.trouble = trouble
            _log.error("log of '%s': cannot be signed now, which is tried again: %s", log.tree.name, trouble)

    def _forget(self, name: str) -> None:
        if log := self._logs.pop(name, None):
            log.tree.close()

    def _stop(self, name: str, why: str) -> None:
        self._stopped.add(name)
        self._forget(name)
        _log.critical("log of '%s': no checkpoint is signed until the next start: %s", name, why)
