"""What bytes are, by how they begin. What a caller or a file name declares is not believed."""

from __future__ import annotations

import re

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"BM....\x00\x00\x00\x00", "image/bmp"),
    (rb"II\*\x00|MM\x00\*", "image/tiff"),
    (rb"....ftyp(?:heic|heix|mif1|msf1|hevc)", "image/heic"),
    (rb"....ftypavi[fs]", "image/avif"),
    (rb"\x00\x00\x01\x00[\x01-\xff]\x00", "image/x-icon"),
    (rb"RIFF....WAVE", "audio/wav"),
    (rb"ID3[\x02-\x04]|\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]", "audio/mpeg"),
    (rb"OggS\x00", "audio/ogg"),
    (rb"fLaC\x00", "audio/flac"),
    (rb"....ftypM4[AB]", "audio/mp4"),
    (rb"....ftyp", "video/mp4"),
    (rb"\x1a\x45\xdf\xa3", "video/webm"),
    (rb"RIFF....AVI ", "video/x-msvideo"),
    (rb"PK\x03\x04|PK\x05\x06", "application/zip"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),  # .doc, .xls, .msg; .docx with a password
    (rb"\x1f\x8b\x08", "application/gzip"),
    (rb"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (rb"Rar!\x1a\x07", "application/vnd.rar"),
    (rb"BZh[1-9]1AY&SY", "application/x-bzip2"),
    (rb"\xfd7zXZ\x00", "application/x-xz"),
    (rb"\x28\xb5\x2f\xfd", "application/zstd"),
    (rb"SQLite format 3\x00", "application/vnd.sqlite3"),
    (rb"\{\\rtf", "application/rtf"),
)
_BY_MAGIC = re.compile(b"|".join(b"(%s)" % magic for magic, _ in _MAGIC), re.DOTALL)

# Readers of PDF accept its mark anywhere in the first kilobyte (ISO 32000-1, annex H.3.4.1).
_PDF = re.compile(rb"%PDF-[12]\.[0-9]")
_PDF_OFFSET_MAX = 1024

UNKNOWN = "application/octet-stream"


def media_type(data: bytes) -> str:
    """The media type; "" when nothing distinctive begins it, as with text."""
    if found := _BY_MAGIC.match(data):
        assert found.lastindex is not None
        return _MAGIC[found.lastindex - 1][1]
    return "application/pdf" if _PDF.search(data, 0, _PDF_OFFSET_MAX) else ""
