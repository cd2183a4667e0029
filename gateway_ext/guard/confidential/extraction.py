"""The text of a file that is to be registered: plain text and source code in UTF-8 or UTF-16, and Office Open XML (.docx).

A .docx is a ZIP archive of XML (ECMA-376). Both can be made to grow without bound, so what is unpacked has a limit and
a document type declaration, without which there are no entities, is refused.
"""

from __future__ import annotations

import codecs
import zipfile
import zlib
from pathlib import Path
from xml.parsers import expat

FILE_BYTES_MAX = 64 * 1024 * 1024
UNPACKED_BYTES_MAX = 64 * 1024 * 1024
PARTS_MAX = 10_000  # files within an archive

_CHUNK_BYTES = 64 * 1024
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"  # ISO/IEC 29500 Strict
_TEXT = {f"{namespace} t" for namespace in (_WORD, _STRICT)}
_BREAKS = {f"{namespace} {name}" for namespace in (_WORD, _STRICT) for name in ("p", "br", "cr", "tab")}
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class ExtractionError(ValueError):
    """A file has no text that could be read. Says what to do; quotes nothing of it."""


def extract(path: Path) -> str:
    """The text of a file. Raises ExtractionError, and OSError when it cannot be read."""
    with path.open("rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise ExtractionError(f"larger than {FILE_BYTES_MAX >> 20} MiB; split it")
    if data.startswith(b"PK\x03\x04"):
        return _docx(path)
    if data.startswith(b"%PDF"):
        raise ExtractionError("a PDF; save its text as .txt first, for example with pdftotext")
    return _plain(data)


def _plain(data: bytes) -> str:
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise ExtractionError("not UTF-8 text; convert it, for example with iconv -t UTF-8") from None
    if "\0" in text:
        raise ExtractionError("not text; text files and .docx can be registered")
    return text


def _docx(path: Path) -> str:
    parts: list[str] = []
    remaining = UNPACKED_BYTES_MAX
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > PARTS_MAX:
                raise ExtractionError(f"more than {PARTS_MAX} files in the archive")
            for member in members:
                if member.filename.startswith("word/") and member.filename.endswith(".xml"):
                    remaining -= _read_part(archive, member, parts, remaining)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise ExtractionError("a damaged or encrypted archive; save the document again without a password") from None
    except expat.ExpatError:
        raise ExtractionError("an archive with damaged XML; save the document again") from None
    if not parts:
        raise ExtractionError("an archive without a Word document; text files and .docx can be registered")
    return "".join(parts)


def _read_part(archive: zipfile.ZipFile, member: zipfile.ZipInfo, parts: list[str], bytes_max: int) -> int:
    """Append the text of a part; returns its bytes unpacked. The size that the archive claims is not believed."""
    reader = _WordReader(parts)
    unpacked = 0
    with archive.open(member) as file:
        while chunk := file.read(_CHUNK_BYTES):
            unpacked += len(chunk)
            if unpacked > bytes_max:
                raise ExtractionError(f"more than {UNPACKED_BYTES_MAX >> 20} MiB unpacked; split the document")
            reader.feed(chunk)
    reader.feed(b"", is_last=True)
    return unpacked


class _WordReader:
    """Appends the runs of text of a WordprocessingML part to `parts`, paragraphs and breaks as line ends."""

    def __init__(self, parts: list[str]) -> None:
        self._parts = parts
        self._is_text = False
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse

    def feed(self, chunk: bytes, *, is_last: bool = False) -> None:
        self._parser.Parse(chunk, is_last)

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._is_text = name in _TEXT

    def _end(self, name: str) -> None:
        self._is_text = False
        if name in _BREAKS:
            self._parts.append("\n")

    def _characters(self, characters: str) -> None:
        if self._is_text:
            self._parts.append(characters)

    @staticmethod
    def _refuse(*_declaration: object) -> None:
        raise ExtractionError("its XML declares a document type, which Word never does")
