"""ZIP archives (APPNOTE.TXT 6.3.10): office documents, and archives of other files. What they claim is not believed."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator

from gateway_ext.attachments import office
from gateway_ext.attachments.bounds import Unreadable
from gateway_ext.attachments.markup import without_tags
from gateway_ext.attachments.plain import decoded
from gateway_ext.attachments.reading import Reading

_CHUNK_BYTES = 64 * 1024
_ENTRY = b"PK\x01\x02"  # of the central directory
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})  # others may claim any amount of memory
_IS_ENCRYPTED = 0x1
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)

Descend = Callable[[bytes], None]
"""Reads the bytes of a member into the same Reading."""


def read_archive(data: bytes, reading: Reading, descend: Descend) -> None:
    """All members; what fails of them is noted in `reading`. Raises Unreadable when there is no list of them."""
    reading.bounds.charge_members(data.count(_ENTRY))  # before an object is made for each
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGES:
        raise _damaged() from None
    members = [member for member in archive.infolist() if not member.filename.endswith("/")]
    read_member = _OfficeReader() if _is_office({member.filename for member in members}) else _read_member
    for member in sorted(members, key=lambda member: member.filename != office.SHARED_STRINGS):
        try:
            read_member(member.filename, _chunks(archive, member, reading), reading, descend)
        except Unreadable as failure:
            reading.fail(failure)
        except _DAMAGES:
            reading.fail(_damaged())


def _is_office(names: set[str]) -> bool:
    return "[Content_Types].xml" in names or {"content.xml", "META-INF/manifest.xml"} <= names


def _read_member(name: str, chunks: Iterator[bytes], reading: Reading, descend: Descend) -> None:
    reading.add_aside(name)
    descend(b"".join(chunks))


class _OfficeReader:
    """Reads the members of one office document."""

    def __init__(self) -> None:
        self._shared: list[str] = []

    def __call__(self, name: str, chunks: Iterator[bytes], reading: Reading, descend: Descend) -> None:
        if office.CONTENT.fullmatch(name):
            office.read_content(name, chunks, reading, self._shared)
            return
        if office.NEVER_SHOWN.fullmatch(name):
            return
        data = b"".join(chunks)
        text = decoded(data)
        if data.startswith(b"PK"):
            descend(data)
        elif text is None:  # pictures, fonts, settings of printers: part of most documents, so not worth a finding
            reading.add_stretches(data)
        elif not name.endswith((".xml", ".rels")):
            reading.add_aside(text)
        else:
            beside = Reading(reading.bounds)
            reading.add_aside(without_tags(text, beside).strip())
            for attributes in beside.asides if office.METADATA.fullmatch(name) else ():
                reading.add_aside(attributes)


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo, reading: Reading) -> Iterator[bytes]:
    if member.flag_bits & _IS_ENCRYPTED:
        raise Unreadable("application/zip; encrypted", "an encrypted archive; save it again without a password")
    if member.compress_type not in _METHODS:
        raise Unreadable("application/zip; method", "an archive packed in an unusual way; pack it again")
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK_BYTES):
            reading.bounds.charge_unpacked(len(chunk))
            yield chunk


def _damaged() -> Unreadable:
    return Unreadable("application/zip; damaged", "a damaged archive; save the document again")
