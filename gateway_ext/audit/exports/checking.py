"""Checks an export by itself and the logs' public keys: signature, files, each log up to its signed root, each row."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gateway_ext.audit.checkpoint import open_checkpoint
from gateway_ext.audit.encoding import Event, decode_event
from gateway_ext.audit.erased import Leaf, leaves_in
from gateway_ext.audit.exports.manifest import MANIFEST, NOTE, LogPart, Manifest, open_manifest
from gateway_ext.audit.exports.tables import Format, header, row, values
from gateway_ext.audit.exports.writing import digest_of
from gateway_ext.audit.merkle import head_of
from gateway_ext.audit.segments import HEADER_BYTES, frame
from gateway_ext.audit.signed_note import VerifierKey

_LENGTH_BYTES = 4  # of the length at a frame's beginning


@dataclass(frozen=True, slots=True)
class ExportVerdict:
    """`fault` says what is wrong, empty: nothing; in which file, and at which leaf of its log, where that can be told."""

    fault: str = ""
    bad_file: str = ""
    bad_leaf: int | None = None
    manifest: Manifest | None = None


class Table(Protocol):
    """The table of an export, read from the front."""

    def is_next(self, of: dict[str, Any]) -> bool:
        """Whether this is the next row."""

    def is_at_end(self) -> bool: ...

    def close(self) -> None: ...


class _Fault(Exception):  # noqa: N818  (a finding, not an error of ours)
    def __init__(self, fault: str, bad_file: str, bad_leaf: int | None = None):
        super().__init__(fault)
        self.verdict = ExportVerdict(fault, bad_file, bad_leaf)


def check_export(
    directory: Path,
    keys: Sequence[VerifierKey],
    opened: Callable[[Manifest, Path], Table],
    advance: Callable[[int], None],
) -> ExportVerdict:
    """Whether a directory is an export as it was signed. `opened` opens its table; `advance` is told bytes that were read.

    Raises OSError; ValueError saying why nothing of it is believed.
    """
    if not (directory / NOTE).is_file():
        raise ValueError(
            f"{directory} has no {NOTE}: it is an export that was interrupted, or none (segments need --checkpoint)"
        )
    manifest = open_manifest((directory / MANIFEST).read_bytes(), (directory / NOTE).read_bytes(), keys)
    try:
        _check_files(directory, manifest)
        with closing(opened(manifest, directory / manifest.format.file_name)) as table:
            for part in manifest.logs:
                _check_log(directory, manifest, part, keys, table, advance)
            if not table.is_at_end():
                raise _Fault("it has rows that belong to no record", manifest.format.file_name)
    except _Fault as found:
        return found.verdict
    return ExportVerdict(manifest=manifest)


class LinesTable:
    """A table of CSV or JSON lines, which has to be written exactly as its records say."""

    def __init__(self, manifest: Manifest, path: Path):
        self._form: Format = manifest.format
        self._columns = dict.fromkeys(manifest.columns)
        self._file = path.open("rb")
        first = header(self._form, self._columns)
        self._is_headed = self._file.read(len(first)) == first

    def is_next(self, of: dict[str, Any]) -> bool:
        line = row(self._form, self._columns, of)
        return self._is_headed and self._file.read(len(line)) == line

    def is_at_end(self) -> bool:
        return self._is_headed and not self._file.read(1)

    def close(self) -> None:
        self._file.close()


def _check_files(directory: Path, manifest: Manifest) -> None:
    there = set(os.listdir(directory))
    if foreign := sorted(there - {MANIFEST, NOTE} - set(manifest.files)):
        raise _Fault("the manifest does not name it", foreign[0])
    for name, expected in manifest.files.items():
        if name not in there:
            raise _Fault("it is missing", name)
        if digest_of(directory / name) != expected:
            raise _Fault("changed: it is not the file that was signed", name, _broken_leaf(directory, name, manifest))


def _broken_leaf(directory: Path, name: str, manifest: Manifest) -> int | None:
    """Where the checksums of a changed file tell it."""
    part = next((part for part in manifest.logs if part.segment_name == name), None)
    if part is None:
        return None
    try:
        for _ in _leaves(directory, part):
            pass
    except _Fault as found:
        return found.verdict.bad_leaf
    return None


def _check_log(
    directory: Path,
    manifest: Manifest,
    part: LogPart,
    keys: Sequence[VerifierKey],
    table: Table,
    advance: Callable[[int], None],
) -> None:
    try:
        checkpoint = open_checkpoint((directory / part.checkpoint_name).read_bytes(), keys)
        head = head_of(part.first_leaf, part.prefix)
    except ValueError as error:
        raise _Fault(f"not believed: {error}", part.checkpoint_name) from None
    if (checkpoint.origin, checkpoint.size, checkpoint.root) != (part.origin, part.size, part.root):
        raise _Fault("it is not the checkpoint that the manifest names", part.checkpoint_name)
    matching = 0
    for number, leaf in enumerate(_leaves(directory, part), part.first_leaf):
        head.append(leaf.hash)
        advance(len(leaf.record or leaf.hash))
        if leaf.record is None:
            continue
        matching += 1
        event = _event(leaf.record)
        if event is None or not manifest.filter.matches(event):
            raise _Fault("a record in it is not one that was asked for", part.segment_name, number)
        if not table.is_next(values(part.log, number, event)):
            fault = f"the row of leaf {number} of '{part.log}' is not what the record says"
            raise _Fault(fault, manifest.format.file_name, number)
    if (head.size, head.root()) != (checkpoint.size, checkpoint.root):
        raise _Fault(
            "its leaves do not lead to the signed root: records were left out, put in or moved", part.segment_name
        )
    if matching != part.matching:
        raise _Fault(f"it has {matching} records, the manifest says {part.matching}", part.segment_name)


def _leaves(directory: Path, part: LogPart) -> Iterator[Leaf]:
    number = part.first_leaf
    with (directory / part.segment_name).open("rb") as file:
        rest_bytes = os.fstat(file.fileno()).st_size
        while rest_bytes:
            header_bytes = file.read(HEADER_BYTES)
            size_bytes = int.from_bytes(header_bytes[:_LENGTH_BYTES], "little")
            if HEADER_BYTES + size_bytes > rest_bytes or header_bytes + (payload := file.read(size_bytes)) != frame(
                payload
            ):
                raise _Fault("damaged: its checksums are wrong", part.segment_name, number)
            rest_bytes -= HEADER_BYTES + size_bytes
            for leaf in leaves_in(payload):
                yield leaf
                number += 1


def _event(record: bytes) -> Event | None:
    try:
        return decode_event(record)
    except ValueError:
        return None


def total_bytes(directory: Path) -> int:
    """What a check advances by, about. Raises OSError."""
    sizes: Iterable[int] = (path.stat().st_size for path in directory.glob("*.segment"))
    return sum(sizes)
