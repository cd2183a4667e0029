"""Finds records of spool and archive in their log, and makes proofs for them out of the log's hashes. No key is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gateway_ext.audit.archive import log_segments, read_segment
from gateway_ext.audit.checkpoint import Checkpoint, parse_checkpoint
from gateway_ext.audit.checkpoint_file import CheckpointFile
from gateway_ext.audit.encoding import decode_event
from gateway_ext.audit.erased import Leaf, leaves
from gateway_ext.audit.hash_file import HashFile
from gateway_ext.audit.leaf_places import LeafPlaces
from gateway_ext.audit.merkle import (
    Subtree,
    TreeHead,
    consistency_path,
    inclusion_path,
    leaf_hash,
    subtree_hash,
    verify_consistency,
    verify_inclusion,
)
from gateway_ext.audit.signed_note import Note, parse_note, parse_signature
from gateway_ext.audit.tlog_proof import ConsistencyProof, InclusionProof
from gateway_ext.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Found:
    """A record in its log: the bytes that are its leaf, and which leaf that is, from 0."""

    index: int
    record: bytes


class ProvableLog:
    """One log, as it lies in spool and archive and beside. Raises ConfigurationError saying why something cannot be proved; OSError."""

    def __init__(self, spool_directory: Path, directory: Path, archive_directory: Path):
        self.name = spool_directory.name
        self._spool_directory = spool_directory
        self._archive_directory = archive_directory
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
            for leaf in islice(self._leaves(segment), index - first, None):
                if leaf.record is None:
                    raise ConfigurationError(
                        f"record {index} of '{self.name}' was erased; its leaf hash is left: {leaf.hash.hex()}"
                    )
                return Found(index, leaf.record)
        raise ConfigurationError(
            f"record {index} of '{self.name}' is not here: the last checkpoint covers {self.checkpoint.size} records"
        )

    def find(self, record_id: str) -> Found | None:
        """The record with this id (`gateway.record.id`), unless it was erased. The newest segments are looked into first."""
        wanted = record_id.encode()
        for segment in reversed(log_segments(self._spool_directory, self._archive_directory)):
            if wanted in self._content(segment):
                for at, leaf in enumerate(self._leaves(segment)):
                    if leaf.record and wanted in leaf.record and decode_event(leaf.record).id == record_id:
                        return self._found(segment, at, leaf.record)
        return None

    def leaves(self, first: int) -> Iterator[Leaf]:
        """The leaves from that one on, as far as the last checkpoint covers them, one segment in memory at a time.

        What is not kept any more is as if it were erased. Raises ConfigurationError where a record is not the signed one.
        """
        begins = [each for each in self._places.begins() if each[0] < self.checkpoint.size]
        ends = [begin for begin, _ in begins[1:]] + [self.checkpoint.size]
        hashes = HashFile(self._directory / "hashes")
        try:
            signed = islice(hashes.leaf_hashes(self.checkpoint.size), first, None)
            for (begin, segment), end in zip(begins, ends, strict=True):
                if end <= first:
                    continue
                content = self._content(segment)
                found = islice(leaves(content), max(0, first - begin), None)
                for _ in range(max(first, begin), end):
                    wanted = next(signed)
                    leaf = next(found, None) if content else Leaf(wanted, None)
                    if leaf is None or leaf.hash != wanted:
                        raise self.changed()
                    yield leaf
        except ValueError:
            raise self.changed() from None
        finally:
            hashes.close()

    def first_leaf_since(self, unix_nano: int) -> int:
        """The first leaf of the newest segment that begins before this time: what was written since is behind it. 0: none."""
        if unix_nano:
            for begin, segment in reversed(self._places.begins()):
                record = next((leaf.record for leaf in self._leaves(segment) if leaf.record), None)
                if record is not None and _time_of(record) < unix_nano:
                    return min(begin, self.checkpoint.size)
        return 0

    def prefix(self, leaves: int) -> tuple[bytes, ...]:
        """The peaks of the tree over the first so many leaves (merkle.TreeHead.peaks)."""
        hashes = HashFile(self._directory / "hashes")
        try:
            return TreeHead(leaves, hashes.node).peaks()
        except ValueError:
            raise self.changed() from None
        finally:
            hashes.close()

    def inclusion(self, found: Found) -> InclusionProof:
        """A proof that the last checkpoint covers the record."""
        path = inclusion_path(found.index, self.checkpoint.size)
        hashes = self._hashes(path)
        if not verify_inclusion(
            leaf_hash(found.record), found.index, self.checkpoint.size, hashes, self.checkpoint.root
        ):
            raise self.changed()
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
            raise self.changed()
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
            raise self.changed() from None
        finally:
            hashes.close()

    def changed(self) -> ConfigurationError:
        """To be raised where the log is not the one that its checkpoint covers."""
        return ConfigurationError(
            f"'{self.name}' cannot be proved: the record, or {self._directory / 'hashes'}, is not what was signed;"
            " 'gateway-ext audit verify' says what has changed"
        )

    def _leaves(self, segment: int) -> Iterable[Leaf]:
        return leaves(self._content(segment))

    def _content(self, segment: int) -> bytes:
        try:
            return read_segment(self._spool_directory, self._archive_directory, segment)
        except FileNotFoundError:
            return b""


def _time_of(record: bytes) -> int:
    """When it was written; what cannot be read is as late as can be: nothing before it is passed over for its sake."""
    try:
        return decode_event(record).time_unix_nano
    except ValueError:
        return 2**64


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
