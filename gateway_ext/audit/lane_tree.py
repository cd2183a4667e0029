"""The tree over the records of one process directory of the spool, a leaf for each in the order they were written.

Only records that are durable become leaves, so that no checkpoint covers what a power cut may still take. What is not
under a checkpoint is forgotten at the next start and read from the segments again; the spool keeps them so long
(`signed_before`).
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from gateway_ext.audit.archive import archived_segments
from gateway_ext.audit.checkpoint import parse_checkpoint
from gateway_ext.audit.checkpoint_file import CheckpointFile
from gateway_ext.audit.erased import leaves
from gateway_ext.audit.hash_file import HashFile
from gateway_ext.audit.leaf_places import LeafPlaces
from gateway_ext.audit.merkle import EMPTY_ROOT, TreeHead, leaf_hash, subtree_hash
from gateway_ext.audit.segments import Damage, Frame, scan, segment_path, segment_sizes, sync_directory
from gateway_ext.audit.signed_note import parse_note
from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import make_private_directory

_log = logging.getLogger(__name__)


class NotDurableError(Exception):
    """An fsync failed. Final, as for the spool (group_sync.py): another one would succeed without the data on disk."""


class LaneTree:
    """Follows `spool_directory`, keeps its hashes in `directory`. For one process and one thread at a time.

    Opening makes lost hashes anew from the segments, those in `archive_directory` first. Raises ConfigurationError when the log can no longer be continued as
    it was signed. After any other error of a method it is to be closed, and opened anew.
    """

    def __init__(self, spool_directory: Path, directory: Path, archive_directory: Path):
        self.name = spool_directory.name
        self._spool_directory = spool_directory
        self._archive_directory = archive_directory
        self._directory = directory
        self._segment = self._offset = 0  # where the next leaf is looked for
        make_private_directory(directory)
        self.checkpoints = CheckpointFile(directory)
        self._hashes = HashFile(directory / "hashes", writable=True)
        try:
            self._open(directory)
        except BaseException:
            self._hashes.close()
            raise

    def close(self) -> None:
        self._hashes.close()

    @property
    def size(self) -> int:
        """Leaves so far, under a checkpoint or not."""
        return self._head.size

    def root(self) -> bytes:
        return self._head.root()

    def absorb(self) -> bool:
        """Make leaves of what was written since, of one segment at most. Whether there may be more to do at once."""
        sizes = segment_sizes(self._spool_directory)
        numbers = [number for number in sizes if number >= self._segment]
        if not numbers:
            return False
        if self._segment not in numbers:
            self._enter(numbers[0])
        # Listed before it is read: when there was a newer segment then, this one does not grow any more.
        is_newest = numbers[-1] == self._segment
        if is_newest and sizes[self._segment] == self._offset:
            return False
        start = self._offset
        nodes: list[bytes] = []
        for part in scan(self._durable_rest()):
            if isinstance(part, Damage):
                lost_bytes = part.end - part.start
                _log.error("log of '%s': %d bytes are no record, before leaf %d", self.name, lost_bytes, self.size)
            else:
                nodes += self._head.append(leaf_hash(part.payload))
                self._offset = start + part.end
        self._hashes.append(nodes)
        if is_newest:
            return False
        self._enter(next(number for number in numbers if number > self._segment))
        return True

    def sync(self) -> None:
        """Make the hashes durable. Before a checkpoint covers them."""
        try:
            self._hashes.sync()
            self._places.sync()
        except OSError as error:
            raise NotDurableError(error.strerror) from error

    # --- the start --------------------------------------------------------------------------------------------------

    def _open(self, directory: Path) -> None:
        try:
            latest = self.checkpoints.latest()
            signed = None if latest is None else parse_checkpoint(parse_note(latest.note))
        except ValueError as error:
            raise ConfigurationError(f"{directory / 'checkpoints'}: {error}; restore the file") from None
        size, root = (0, EMPTY_ROOT) if signed is None else (signed.size, signed.root)
        if not self._is_whole(directory, size, root):
            _log.warning("log of '%s': its hashes are lost or damaged and are made anew from the segments", self.name)
            self._make_anew(directory, size, root)
        else:
            self._continue_from(size)
        sync_directory(directory)

    def _is_whole(self, directory: Path, size: int, root: bytes) -> bool:
        """Whether hashes and places are those of the last checkpoint at least."""
        try:
            self._places = LeafPlaces(directory / "segments")
            if self._places.segment_of(size) is None:
                return self._hashes.leaves() == 0 == size
            return self._has_root(size, root)
        except ValueError:
            return False

    def _make_anew(self, directory: Path, size: int, root: bytes) -> None:
        """In other files: what is damaged, or has lost its neighbour, may still be of use to whoever repairs it."""
        names = ("hashes", "segments")
        first = self._hashes.node(0, 0) if self._hashes.leaves() else b""
        for name in names:
            (directory / f"{name}.new").unlink(missing_ok=True)
        self._hashes.close()
        self._hashes = HashFile(directory / "hashes.new", writable=True)
        self._places = LeafPlaces(directory / "segments.new")
        self._continue_from(0)
        self._absorb_archive()
        while self.absorb():
            pass
        is_other = not size and first and self._hashes.leaves() and self._hashes.node(0, 0) != first
        if is_other or self.size < size or not self._has_root(size, root):
            raise self._broken("its hashes are lost, and what is left of its records is not what was signed")
        self.sync()
        for name in names:
            (directory / f"{name}.new").replace(directory / name)
        self._places = LeafPlaces(directory / "segments")

    def _absorb_archive(self) -> None:
        """Make leaves of what was moved there: durable before, and complete. Erased records have left their hashes."""
        spooled = segment_sizes(self._spool_directory)
        for number in archived_segments(self._archive_directory):
            if number not in spooled:
                self._enter(number)
                content = segment_path(self._archive_directory, number).read_bytes()
                for leaf in leaves(content):
                    self._hashes.append(self._head.append(leaf.hash))
                self._offset = len(content)

    def _has_root(self, size: int, root: bytes) -> bool:
        return subtree_hash((0, size), self._hashes.node) == root

    def _continue_from(self, leaves: int) -> None:
        """Behind the first `leaves` leaves, in the segment that holds the next one. The spool never deletes that one."""
        segment = self._places.segment_of(leaves)
        ends = [0]
        if segment is not None:
            try:
                data = segment_path(self._spool_directory, segment).read_bytes()
            except FileNotFoundError:
                raise self._broken(f"segment {segment}, in which it goes on, is gone") from None
            ends += [part.end for part in scan(data) if isinstance(part, Frame)]
        behind = leaves - (self._places.first_leaf(segment) or 0) if segment is not None else 0
        if behind >= len(ends):
            raise self._broken(f"segment {segment}, in which it goes on, holds fewer records than were signed")
        self._segment, self._offset = segment or 0, ends[behind]
        self._hashes.cut(leaves)
        self._places.cut(leaves)
        self._head = TreeHead(leaves, self._hashes.node)

    def _broken(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self._directory}: the log of '{self.name}' cannot be continued: {why}. Restore {self._directory} or the segments"
            f" from a backup, or move {self._directory} away and give the setting 'audit_origin' another name, which begins"
            " new logs"
        )

    # --- segments ---------------------------------------------------------------------------------------------------

    def _enter(self, segment: int) -> None:
        self._segment, self._offset = segment, 0
        self._places.begin(segment, self.size)

    def _durable_rest(self) -> bytes:
        """From where we are to what is durable at least."""
        with segment_path(self._spool_directory, self._segment).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= self._offset:
                return b""
            try:
                os.fsync(file.fileno())
                if not self._offset:  # nor need the writer have come to its name
                    sync_directory(self._spool_directory)
            except OSError as error:
                raise NotDurableError(error.strerror) from error
            file.seek(self._offset)
            return file.read(size - self._offset)


def signed_before(directory: Path) -> int:
    """All records of segments below this number are under a checkpoint. `directory` is that of the log.

    0 when that cannot be known. Raises OSError.
    """
    try:
        latest = CheckpointFile(directory).latest()
        return 0 if latest is None else LeafPlaces(directory / "segments").segment_of(latest.size) or 0
    except ValueError:  # damaged: the next start says so
        return 0
