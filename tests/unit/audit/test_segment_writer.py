"""A segment on a file system that really ends: the kernel writes a part, then refuses."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway_ext.audit.segment_writer import SegmentWriter

LIMIT_BYTES = 1_000


@contextmanager
def files_up_to(size_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond this size (setrlimit(2), RLIMIT_FSIZE; EFBIG then)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("frame_bytes", [300, 500, 1_000])
def test_of_a_write_that_the_kernel_ends_half_way_nothing_is_left(frame_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "1.segment"
    segment = SegmentWriter(path)
    whole_frames = LIMIT_BYTES // frame_bytes
    with files_up_to(LIMIT_BYTES):
        for _ in range(whole_frames):
            segment.append(b"x" * frame_bytes)
        for _ in range(2):
            with pytest.raises(OSError, match=r"short write|File too large"):
                segment.append(b"y" * frame_bytes)
    assert segment.is_usable
    assert segment.bytes_written == whole_frames * frame_bytes
    segment.append(b"z")
    segment.close()
    assert path.read_bytes() == b"x" * whole_frames * frame_bytes + b"z"
