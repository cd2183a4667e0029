"""Office documents: Office Open XML (ECMA-376) and OpenDocument (OASIS ODF), which are ZIP archives of XML.

XML is read by expat without entities: a document type declaration, which neither format has, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.parsers import expat

from gateway_ext.attachments.bounds import Unreadable
from gateway_ext.attachments.reading import Reading

CONTENT = re.compile(
    r"word/(?!settings|styles|fontTable|webSettings|numbering)[^/]*\.xml"
    r"|xl/(?:sharedStrings|comments[^/]*|worksheets/[^/]*|threadedComments/[^/]*|charts/[^/]*|drawings/[^/]*)\.xml"
    r"|ppt/(?:slides|notesSlides|comments|charts|diagrams)/[^/]*\.xml"
    r"|(?:Object [^/]*/)?(?:content|styles)\.xml"
)
"""Members that hold what a reader of the document sees."""

METADATA = re.compile(r"(?:docProps|docMetadata|customXml)/.*\.xml|.*\.rels|xl/workbook\.xml|(?:.*/)?meta\.xml")
"""Members of which attributes count as well: properties, labels, links. All other XML is read without them."""

NEVER_SHOWN = re.compile(
    r"\[Content_Types\]\.xml|(?:word|ppt|xl)/(?:theme/[^/]*|styles|stylesWithEffects|settings|webSettings|fontTable|numbering"
    r"|presProps|viewProps|tableStyles)\.xml"
)
"""Members without any text of the document, and the larger part of most: not read."""

SHARED_STRINGS = "xl/sharedStrings.xml"
"""The strings of all sheets, which refer to them: to be read first."""

_CELLS = frozenset({"tc", "table-cell"})
_DEPTH_MAX = 256

Chunks = Iterator[bytes]

_TEXTS = frozenset(
    {"t", "v", "delText", "text", "p", "h", "span", "a", "ruby-base", "creator", "date", "title", "desc"}
)
_ASIDES = frozenset({"instrText", "delInstrText", "f", "formula"})
_SHOWN_ATTRIBUTES = frozenset({"descr", "title", "author", "href", "Target", "tooltip", "alt", "value"})
_TABLE_NAME = "urn:oasis:names:tc:opendocument:xmlns:table:1.0 name"  # that of a sheet
_BREAKS = {
    **dict.fromkeys(("p", "h", "br", "cr", "line-break", "si", "row", "table-row", "tr", "comment", "list-item"), "\n"),
    **dict.fromkeys(("tab", "c", "table-cell", "tc"), "\t"),
    "s": " ",
}


def read_content(name: str, chunks: Chunks, reading: Reading, shared: list[str]) -> None:
    """The text of one member; `shared` is filled by the one named SHARED_STRINGS. Raises Unreadable."""
    reader = _ContentReader(reading, shared)
    reader.parse(chunks)
    text = "".join(reader.pieces)
    if name == SHARED_STRINGS:
        shared.extend(text.split("\x00")[:-1])
    elif text.strip():
        reading.texts.append(text)


class _ContentReader:
    """Collects the runs of text of one XML document; paragraphs and rows become lines, cells are set apart by tabs."""

    def __init__(self, reading: Reading, shared: list[str]) -> None:
        self.pieces: list[str] = []
        self._reading = reading
        self._shared = shared
        self._path: list[str] = []
        self._is_reference = False  # the cell holds the index of a shared string
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = _refuse

    def parse(self, chunks: Chunks) -> None:
        try:
            for chunk in chunks:
                self._parser.Parse(chunk, False)
            self._parser.Parse(b"", True)
        except expat.ExpatError:
            raise Unreadable("application/xml; damaged", "damaged XML; save the document again") from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(" ")[2]
        self._path.append(name)
        if len(self._path) > _DEPTH_MAX:
            raise Unreadable("application/xml; depth", "XML nested deeper than office programs write it")
        if name == "c":
            self._is_reference = attributes.get("t") == "s"
        for key, value in attributes.items():
            if key.rpartition(" ")[2] in _SHOWN_ATTRIBUTES or key == _TABLE_NAME:
                self._reading.add_aside(value)

    def _end(self, _name: str) -> None:
        name = self._path.pop()
        if name == "tab" and self._path and self._path[-1] == "tabs":
            return  # a position for tabs, no character
        if name == "si":
            self.pieces.append("\x00")
        elif separator := _BREAKS.get(name):
            is_in_cell = separator == "\n" and not _CELLS.isdisjoint(self._path)
            self.pieces.append(" " if is_in_cell else separator)

    def _characters(self, characters: str) -> None:
        parent = self._path[-1]
        if parent == "v" and self._is_reference:
            characters = self._shared_string(characters)
        elif parent in _ASIDES:
            self._reading.add_aside(characters)
            return
        elif parent not in _TEXTS and characters.isspace():
            return
        self._reading.bounds.charge_text(len(characters))
        self.pieces.append(characters)

    def _shared_string(self, index: str) -> str:
        is_known = index.isdecimal() and len(index) < 9 and int(index) < len(self._shared)
        return self._shared[int(index)] if is_known else index


def _refuse(*_declaration: object) -> None:
    raise Unreadable(
        "application/xml; document type", "its XML declares a document type, which office programs never do"
    )
