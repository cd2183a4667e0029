"""Finds records of the spool in their log, and makes proofs for them out of the log's hashes. No key is needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gateway_ext.audit.checkpoint import Checkpoint, parse_checkpoint
from gateway_ext.audit.checkpoint_file import CheckpointFile
from gateway_ext.audit.encoding import decode_event
from gateway_ext.audit.hash_file import HashFile
from gateway_ext.audit.leaf_places import LeafPlaces
from gateway_ext.audit.merkle import (
    Subtree,
    consistency_path,
    inclusion_path,
    leaf_hash,
    subtree_hash,
    verify_consistency,
    verify_inclusion,
)
from gateway_ext.audit.segments import Frame, scan, segment_path, segment_sizes
from gateway_ext.audit.signed_note import Note, parse_note, parse_signature
from gateway_ext.audit.tlog_proof import ConsistencyProof, InclusionProof
from gateway_ext.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Found:
    """A record in its log: the bytes that are its leaf, and which leaf that is, from 0."""

    index: int
    record: bytes


class ProvableLog:
    """One log, as it lies in the spool and beside. Raises ConfigurationError saying why something cannot be proved; OSError."""

    def __init__(self, spool_directory: Path, directory: Path):
        self.name = spool_directory.name
        self._spool_directory = spool_directory
        self._directory = directory
        try:
            self.file = CheckpointFile(directory)
            latest = self.file.latest()
            self._places = LeafPlaces(directory / "segments")
            if latest is None:
                raise ConfigurationError(
                    f"no checkpoint of '{self.name}' has been signed yet; the control process does it"
                )
            self.signed = latest
            self.note = _cosigned(parse_note(latest.note), self.file)
            self.checkpoint = parse_checkpoint(self.note)
        except ValueError as error:
            raise ConfigurationError(f"{directory}: {error}") from None

    def record_at(self, index: int) -> Found:
        segment = self._places.segment_of(index)
        if segment is not None and index < self.checkpoint.size:
            first = self._places.first_leaf(segment) or 0
            for payload in islice(self._records(segment), index - first, None):
                return Found(index, payload)
        raise ConfigurationError(
            f"record {index} of '{self.name}' is not here: the last checkpoint covers {self.checkpoint.size} records, of which"
            " delivered ones are deleted"
        )

    def find(self, record_id: str) -> Found | None:
        """The record with this id (`gateway.record.id`), if it is still in the spool."""
        for segment in segment_sizes(self._spool_directory):
            if record_id.encode() in self._content(segment):
                for at, payload in enumerate(self._records(segment)):
                    if record_id.encode() in payload and decode_event(payload).id == record_id:
                        return self._found(segment, at, payload)
        return None

    def inclusion(self, found: Found) -> InclusionProof:
        """A proof that the last checkpoint covers the record."""
        path = inclusion_path(found.index, self.checkpoint.size)
        hashes = self._hashes(path)
        if not verify_inclusion(
            leaf_hash(found.record), found.index, self.checkpoint.size, hashes, self.checkpoint.root
        ):
            raise self._changed()
        return InclusionProof(found.index, hashes, str(self.note).encode())

    def consistency(self, old: Checkpoint) -> ConsistencyProof:
        """A proof that the log goes on from an older checkpoint of it."""
        new = self.checkpoint
        if old.origin != new.origin:
            raise ConfigurationError(f"the older checkpoint is of the log '{old.origin}', not of '{new.origin}'")
        if old.size > new.size:
            raise ConfigurationError(f"'{self.name}' was rolled back: it has {new.size} records, and had {old.size}")
        hashes = self._hashes(consistency_path(old.size, new.size))
        if not verify_consistency(old.size, old.root, new.size, new.root, hashes):
            raise self._changed()
        return ConsistencyProof(old.size, hashes, str(self.note).encode())

    def _found(self, segment: int, at: int, payload: bytes) -> Found:
        first = self._places.first_leaf(segment)
        if first is None or first + at >= self.checkpoint.size:
            raise ConfigurationError(
                f"this record of '{self.name}' is not under a checkpoint yet; try again in some seconds"
            )
        return Found(first + at, payload)

    def _hashes(self, path: Iterable[Subtree]) -> tuple[bytes, ...]:
        hashes = HashFile(self._directory / "hashes")
        try:
            return tuple(subtree_hash(subtree, hashes.node) for subtree in path)
        except ValueError:
            raise self._changed() from None
        finally:
            hashes.close()

    def _changed(self) -> ConfigurationError:
        return ConfigurationError(
            f"'{self.name}' cannot be proved: the record, or {self._directory / 'hashes'}, is not what was signed;"
            " 'gateway-ext audit verify' says what has changed"
        )

    def _records(self, segment: int) -> Iterable[bytes]:
        return (part.payload for part in scan(self._content(segment)) if isinstance(part, Frame))

    def _content(self, segment: int) -> bytes:
        try:
            return segment_path(self._spool_directory, segment).read_bytes()
        except FileNotFoundError:
            return b""


def _cosigned(note: Note, file: CheckpointFile) -> Note:
    """With the signatures that witnesses have answered this very checkpoint with."""
    answer = file.latest_answer()
    if answer is None or answer.size != parse_checkpoint(note).size:
        return note
    try:
        lines = answer.answer.decode("utf-8").strip("\n").split("\n")
        return Note(note.text, (*note.signatures, *map(parse_signature, lines)))
    except ValueError:  # another kind of answer, as a time stamp token
        return note
