"""The file format of the spool: numbered segments of checksummed frames. No policy, no state.

A frame is `u32 length | u32 CRC-32 | payload`, little-endian. The CRC-32 (ISO-HDLC, as in zlib and RFC 1952) covers
the length field and the payload, so that neither a run of zeros nor a damaged length passes for a frame.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.audit.part_checksums import PartChecksums

_LENGTH = struct.Struct("<I")
_HEADER = struct.Struct("<II")
_NAME = re.compile(r"(\d{10})\.segment")

HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole record. `end` is the offset behind it."""

    payload: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes `[start, end)` are no frames although a whole frame follows: records were lost here."""

    start: int
    end: int


def frame(payload: bytes) -> bytes:
    """The payload as it stands in a segment."""
    length = _LENGTH.pack(len(payload))
    return b"".join((length, _LENGTH.pack(zlib.crc32(payload, zlib.crc32(length))), payload))


def scan(data: bytes) -> Iterator[Frame | Damage]:
    """Frames of `data`, in order. Stops at bytes that no whole frame follows: a torn or still growing tail."""
    position = 0
    checksums: PartChecksums | None = None  # needed for damaged data only
    while position < len(data):
        found = _frame_at(data, position)
        if found is None:
            checksums = checksums or PartChecksums(data)
            following = _next_frame(data, position + 1, checksums)
            if following is None:
                return
            yield Damage(position, following)
            position = following
        else:
            yield found
            position = found.end


def _frame_at(data: bytes, position: int) -> Frame | None:
    start = position + HEADER_BYTES
    if start > len(data):
        return None
    length, checksum = _HEADER.unpack_from(data, position)
    end = start + length
    if end > len(data):
        return None
    payload = data[start:end]
    if zlib.crc32(payload, zlib.crc32(data[position : position + _LENGTH.size])) != checksum:
        return None
    return Frame(payload, end)


def _next_frame(data: bytes, first: int, checksums: PartChecksums) -> int | None:
    """The first position from `first` on where a whole frame is.

    Anything may pass for a length in damaged data, or be meant to: at any position as much work as at any other.
    """
    size = len(data)
    for position in range(first, size - HEADER_BYTES + 1):
        start = position + HEADER_BYTES
        length, checksum = _HEADER.unpack_from(data, position)
        if start + length <= size:
            before = zlib.crc32(data[position : position + _LENGTH.size])
            if checksums.crc32(start, start + length, before) == checksum:
                return position
    return None


def segment_path(directory: Path, number: int) -> Path:
    return directory / f"{number:010}.segment"


def segment_sizes(directory: Path) -> dict[int, int]:
    """Size in bytes of every segment by number, ascending. A segment that vanishes meanwhile is left out."""
    sizes: dict[int, int] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            if match := _NAME.fullmatch(entry.name):
                try:
                    sizes[int(match[1])] = entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
    return dict(sorted(sizes.items()))


def segment_numbers(directory: Path) -> list[int]:
    """The numbers of all segments, ascending; reads names alone. Raises OSError."""
    with os.scandir(directory) as entries:
        return sorted(int(match[1]) for entry in entries if (match := _NAME.fullmatch(entry.name)))


def delete_segment(directory: Path, number: int) -> None:
    """Raises OSError; a segment that is not there is deleted already."""
    segment_path(directory, number).unlink(missing_ok=True)


def process_directories(spool: Path) -> list[Path]:
    """The directories of all writing processes, by name. None when the spool does not exist yet."""
    if not spool.is_dir():
        return []
    return sorted(path for path in spool.iterdir() if path.is_dir() and not path.is_symlink())


def sync_directory(directory: Path) -> None:
    """Make names in `directory` durable: a file's own fsync does not (fsync(2))."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
