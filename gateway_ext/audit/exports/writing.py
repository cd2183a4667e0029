"""Writes an export: the table, and for each log its matching records with the hashes of all others of the range.

A log's part is a segment as erased.py has them: a record as it was written, or what is left of one, its leaf hash. So whoever
has it counts leaves and finds the signed root. The manifest is written last, by whoever calls: without it there is no export.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from hashlib import file_digest, sha256
from itertools import islice
from pathlib import Path
from types import TracebackType

from gateway_ext.audit.encoding import Event, decode_event
from gateway_ext.audit.erased import Leaf, segment_of
from gateway_ext.audit.exports.manifest import FileDigest, LogPart
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.merkle import head_of
from gateway_ext.audit.proving import ProvableLog
from gateway_ext.private_files import PRIVATE

LEAVES_AT_ONCE = 256  # of which the records are in memory

Row = Callable[[str, int, Event], None]  # (log, leaf, record)
Advance = Callable[[int], None]  # leaves done


class OutFile:
    """A new file (0600) whose digest is known at its end. Raises OSError."""

    def __init__(self, path: Path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        self._file = os.fdopen(descriptor, "wb")
        self._sha256 = sha256()
        self._size_bytes = 0

    def __enter__(self) -> OutFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._sha256.update(data)
        self._size_bytes += len(data)

    def finish(self) -> FileDigest:
        """Durable when this returns."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return FileDigest(self._size_bytes, self._sha256.hexdigest())


def digest_of(path: Path) -> FileDigest:
    """Of a file that is there. Raises OSError."""
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        return FileDigest(size_bytes, file_digest(file, "sha256").hexdigest())


def write_log(
    directory: Path, log: ProvableLog, wanted: Filter, row: Row, advance: Advance
) -> tuple[LogPart, dict[str, FileDigest]]:
    """Write a log's part, and a row for each record of it that matches.

    Raises ConfigurationError when the log is not the one that was signed: it could not be believed. Raises OSError.
    """
    checkpoint = log.checkpoint
    first_leaf = log.first_leaf_since(wanted.since_unix_nano)
    prefix = log.prefix(first_leaf)
    head = head_of(first_leaf, prefix)
    matching = erased = 0
    place = first_leaf
    with OutFile(directory / f"{log.name}.segment") as segment:
        for some in _batches(log.leaves(first_leaf)):
            shown = []
            for leaf in some:
                head.append(leaf.hash)
                event = _matching(leaf, wanted)
                if event is not None:
                    row(log.name, place, event)
                shown.append(Leaf(leaf.hash, None if event is None else leaf.record))
                matching += event is not None
                erased += leaf.record is None
                place += 1
            segment.write(segment_of(shown))
            advance(len(some))
        digest = segment.finish()
    if (head.size, head.root()) != (checkpoint.size, checkpoint.root):
        raise log.changed()
    part = LogPart(log.name, checkpoint.origin, first_leaf, checkpoint.size, checkpoint.root, prefix, matching, erased)
    with OutFile(directory / part.checkpoint_name) as note:
        note.write(str(log.note).encode())
        return part, {part.segment_name: digest, part.checkpoint_name: note.finish()}


def _batches(leaves: Iterable[Leaf]) -> Iterator[list[Leaf]]:
    remaining = iter(leaves)
    while some := list(islice(remaining, LEAVES_AT_ONCE)):
        yield some


def _matching(leaf: Leaf, wanted: Filter) -> Event | None:
    if leaf.record is None:
        return None
    try:
        event = decode_event(leaf.record)
    except ValueError:
        return None
    return event if wanted.matches(event) else None
