import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway_ext.audit.segments import (
    Damage,
    Frame,
    frame,
    process_directories,
    scan,
    segment_path,
    segment_sizes,
)

PAYLOADS = [b"first", b"", b"third" * 50]
DATA = b"".join(map(frame, PAYLOADS))


def frames(data: bytes) -> list[bytes]:
    return [part.payload for part in scan(data) if isinstance(part, Frame)]


def test_frames_come_back_in_order() -> None:
    parts = list(scan(DATA))
    assert frames(DATA) == PAYLOADS
    assert isinstance(parts[-1], Frame)
    assert parts[-1].end == len(DATA)


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"\0", b"\xff" * 100, frame(b"lost")[:-1], frame(b"lost")[:3]])
def test_a_tail_without_a_frame_is_left_alone(tail: bytes) -> None:
    assert list(scan(DATA + tail)) == list(scan(DATA))


def test_damage_in_the_middle_is_reported_with_its_place() -> None:
    first, middle, last = frame(b"one"), frame(b"two"), frame(b"three")
    spoilt = bytearray(first + middle + last)
    spoilt[len(first) + 9] ^= 0x10
    assert list(scan(bytes(spoilt))) == [
        Frame(b"one", len(first)),
        Damage(len(first), len(first) + len(middle)),
        Frame(b"three", len(spoilt)),
    ]


def test_a_damaged_length_does_not_hide_what_follows() -> None:
    spoilt = bytearray(frame(b"one") + frame(b"two"))
    spoilt[2] = 0x7F  # far beyond the end
    assert frames(bytes(spoilt)) == [b"two"]


def test_segments_are_listed_by_number_and_strangers_are_ignored(tmp_path: Path) -> None:
    for number in (10, 2):
        segment_path(tmp_path, number).write_bytes(b"x" * number)
    for name in ("cursor", "lock", "0000000001.segment.bak", "1.segment"):
        (tmp_path / name).touch()
    assert list(segment_sizes(tmp_path).items()) == [(2, 2), (10, 10)]


def test_process_directories_are_directories(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a").mkdir()
    (tmp_path / "shipper.lock").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert [path.name for path in process_directories(tmp_path)] == ["a", "b"]
    assert process_directories(tmp_path / "missing") == []


def test_damage_that_passes_for_lengths_everywhere_costs_no_more_for_each_byte_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checksummed = 0

    def crc32(data: bytes, value: int = 0) -> int:
        nonlocal checksummed
        checksummed += len(data)
        return zlib.crc32(data, value)

    monkeypatch.setattr("gateway_ext.audit.segments.zlib", SimpleNamespace(crc32=crc32))
    monkeypatch.setattr("gateway_ext.audit.part_checksums.zlib", SimpleNamespace(crc32=crc32))
    for_each_byte = []
    for size in (16_384, 65_536):
        damaged = struct.pack("<I", size // 4) * (
            size // 4
        )  # at every fourth byte, the length of a frame that would fit
        checksummed = 0
        assert list(scan(damaged + frame(b"whole"))) == [Damage(0, size), Frame(b"whole", size + 13)]
        for_each_byte.append(checksummed / size)
    assert for_each_byte[1] < 2 * for_each_byte[0]
