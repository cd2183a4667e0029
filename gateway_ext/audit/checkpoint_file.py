"""The checkpoints of one log and what witnesses answered, each in a file of JSON lines that is only appended to; its keys.

A checkpoint is appended by compare-and-swap on the last one: of two signers of one log the slower one is told, instead of
signing another history.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.audit.segments import sync_directory
from gateway_ext.audit.signed_note import VerifierKey, parse_key
from gateway_ext.private_files import PRIVATE, write_whole

_TAIL_BYTES = 256 * 1024  # holds more than one of the longest lines


class OvertakenError(Exception):
    """Somebody else has signed a checkpoint of this log since: whoever gets this must not sign it again."""


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """`note` are the bytes of the signed note, `size` the leaves it covers."""

    time_unix_nano: int
    size: int
    note: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the operator's program printed, when it was given the checkpoint of this size."""

    time_unix_nano: int
    size: int
    answer: bytes


class CheckpointFile:
    """The files `checkpoints`, `answers` and `keys` of a directory. Raises OSError; ValueError when a line is damaged."""

    def __init__(self, directory: Path):
        self._checkpoints = directory / "checkpoints"
        self._answers = directory / "answers"
        self._keys = directory / "keys"

    def latest(self) -> SignedCheckpoint | None:
        line = _last_line(self._checkpoints)
        return None if line is None else _checkpoint(line)

    def all(self) -> Iterator[SignedCheckpoint]:
        """Oldest first."""
        return map(_checkpoint, _lines(self._checkpoints))

    def append(self, expected: SignedCheckpoint | None, new: SignedCheckpoint) -> None:
        """Durable when this returns. Raises OvertakenError when `expected` is not the last one any more."""
        with _alone(self._checkpoints) as descriptor:
            if self.latest() != expected:
                raise OvertakenError
            _append(descriptor, _as_json(new.time_unix_nano, new.size, checkpoint=new.note.decode()))
        if expected is None:
            sync_directory(self._checkpoints.parent)

    def latest_answer(self) -> Answer | None:
        line = _last_line(self._answers)
        return None if line is None else _answer(line)

    def keep_answer(self, answer: Answer) -> None:
        with _alone(self._answers) as descriptor:
            encoded = base64.b64encode(answer.answer).decode()
            _append(descriptor, _as_json(answer.time_unix_nano, answer.size, answer=encoded))

    def keys(self) -> list[VerifierKey]:
        """Every key that has signed, oldest first."""
        try:
            return [parse_key(line) for line in self._keys.read_text("utf-8").splitlines()]
        except FileNotFoundError:
            return []

    def note_key(self, key: VerifierKey) -> bool:
        """Have `key` stand last in the list: it signs from now on. Whether another one did before."""
        known = self.keys()
        if known[-1:] == [key]:
            return False
        lines = [f"{each}\n" for each in [*(each for each in known if each != key), key]]
        write_whole(self._keys, "".join(lines).encode(), PRIVATE)
        return bool(known)


def _as_json(time_unix_nano: int, size: int, **content: str) -> bytes:
    return json.dumps({"time_unix_nano": time_unix_nano, "size": size, **content}).encode() + b"\n"


def _checkpoint(line: bytes) -> SignedCheckpoint:
    try:
        values = json.loads(line)
        return SignedCheckpoint(int(values["time_unix_nano"]), int(values["size"]), values["checkpoint"].encode())
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("a line of the checkpoints is damaged") from None


def _answer(line: bytes) -> Answer:
    try:
        values = json.loads(line)
        return Answer(int(values["time_unix_nano"]), int(values["size"]), base64.b64decode(values["answer"]))
    except (ValueError, KeyError, TypeError):
        raise ValueError("a line of the answers is damaged") from None


def _lines(path: Path) -> Iterator[bytes]:
    """Whole lines: a power cut may have left half a one at the end, which nobody has acted upon."""
    try:
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))
    except FileNotFoundError:
        return


def _last_line(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - _TAIL_BYTES))
            whole, _, _ = file.read().rpartition(b"\n")
    except FileNotFoundError:
        return None
    return whole.rpartition(b"\n")[2] or None


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _append(descriptor: int, line: bytes) -> None:
    """Behind the last whole line, in the place of a torn one."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    tail = os.pread(descriptor, _TAIL_BYTES, max(0, end - _TAIL_BYTES))
    whole = end - len(tail) + tail.rfind(b"\n") + 1
    os.ftruncate(descriptor, whole)
    while line:
        written = os.pwrite(descriptor, line, whole)
        whole, line = whole + written, line[written:]
    os.fsync(descriptor)
