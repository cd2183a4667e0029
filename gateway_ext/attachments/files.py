"""The text of a file on disk that is to be registered. Stricter than for attachments: all of it must be read."""

from __future__ import annotations

from pathlib import Path

from gateway_ext.attachments import extraction
from gateway_ext.attachments.bounds import Bounds

FILE_BYTES_MAX = 64 * 1024 * 1024
UNPACKED_BYTES_MAX = 64 * 1024 * 1024
CHARACTERS_MAX = 64 * 1024 * 1024
MEMBERS_MAX = 10_000


class ExtractionError(ValueError):
    """A file has no text that could be read. Says what to do; quotes nothing of it."""


def read_file(path: Path) -> str:
    """The content of a file without its metadata. Raises ExtractionError, and OSError when it cannot be read."""
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise ExtractionError(f"larger than {FILE_BYTES_MAX >> 20} MiB; split it")
    reading = extraction.read(data, Bounds(UNPACKED_BYTES_MAX, CHARACTERS_MAX, MEMBERS_MAX))
    if reading.failure is not None:
        raise ExtractionError(str(reading.failure))
    return "\n".join(reading.texts)
