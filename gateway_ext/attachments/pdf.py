"""The text of PDF files (ISO 32000-1): what pages show as text, and the strings beside it (forms, comments, metadata).

Words and lines are told apart by how text is moved, not by where it lands, so columns and tables come in the order in
which they were written. What cannot be read is said: pages that are pictures, fonts without a way back to characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway_ext.attachments.bounds import Unreadable
from gateway_ext.attachments.markup import without_tags
from gateway_ext.attachments.pdf_fonts import Font, font
from gateway_ext.attachments.pdf_objects import Lexer, Name, Objects, Operator, Stream
from gateway_ext.attachments.plain import decoded
from gateway_ext.attachments.reading import Reading

_FORMS_DEPTH_MAX = 8
_PARENTS_MAX = 32
_OPERANDS_MAX = 1_000
_SPACE_THOUSANDTHS = -180  # of the font's size: a larger gap within a shown text is one between words
_UNKNOWN_SHARE_MAX = 0.05  # of characters: formulas, bullets, leaders
_INLINE_IMAGE_END = re.compile(rb"[\0\t\n\f\r ]EI(?=[\0\t\n\f\r ]|$)")
_DATE = re.compile(r"D:[0-9]{8}")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")

Descend = Callable[[bytes], None]


def read_pdf(data: bytes, reading: Reading, descend: Descend) -> None:
    """All pages. Raises Unreadable; what fails of a page is noted in `reading`, which is read on."""
    objects = Objects(data, reading.bounds)
    for value in objects:
        for string in _strings(value):
            reading.add_aside(_document_text(string))
        try:
            _read_beside(value, objects, reading, descend)
        except Unreadable as failure:
            reading.fail(failure)
    has_text = False
    fonts: dict[int, Font] = {}  # by the identity of their dictionary
    for value in objects:
        if isinstance(value, dict) and value.get("Type") == "Page":
            page = _Page(objects, reading, fonts)
            try:
                page.show(_contents(value, objects, reading), _resources(value, objects))
            except Unreadable as failure:
                reading.fail(failure)
            has_text = page.end() or has_text
    unknown, shown = sum(each.unknown for each in fonts.values()), sum(each.shown for each in fonts.values())
    if unknown > _UNKNOWN_SHARE_MAX * shown:
        advice = "a PDF with fonts that cannot be read; save its text as .txt"
        reading.fail(Unreadable("application/pdf; font", advice))
    if not has_text:
        raise Unreadable("application/pdf; no text", "a PDF without text; its pages may be pictures")


def _read_beside(value: Any, objects: Objects, reading: Reading, descend: Descend) -> None:
    if isinstance(value, Stream) and value.entries.get("Type") == "Metadata":
        text = decoded(objects.decoded(value))
        reading.add_aside(without_tags(text or "", reading).strip())
    elif isinstance(value, Stream) and value.entries.get("Type") == "EmbeddedFile":
        descend(objects.decoded(value))


def _contents(page: Mapping[str, Any], objects: Objects, reading: Reading) -> bytes:
    """The streams of a page, which are one: operators may be cut between them."""
    contents = objects.get(page.get("Contents"))
    pieces: list[bytes] = []
    for each in contents if isinstance(contents, list) else [contents]:
        stream = objects.get(each)
        if isinstance(stream, Stream):
            try:
                pieces.append(objects.decoded(stream))
            except Unreadable as failure:
                reading.fail(failure)
    return b"\n".join(pieces)


def _resources(page: Mapping[str, Any], objects: Objects) -> Mapping[str, Any]:
    """A page's own resources, or those of the nearest node above it."""
    node = page
    for _ in range(_PARENTS_MAX):
        if "Resources" in node:
            return objects.entries(node["Resources"])
        node = objects.entries(node.get("Parent"))
    return {}


class _Page:
    """Follows the operators of a page that show text (9.4) or draw something else (8.8)."""

    def __init__(self, objects: Objects, reading: Reading, fonts: dict[int, Font]) -> None:
        self._objects = objects
        self._reading = reading
        self._fonts = fonts
        self._font: Font | None = None
        self._saved: list[Font | None] = []
        self._drawing: set[int] = set()  # forms, by identity: none is drawn within itself
        self._pieces: list[str] = []
        self._has_image = False
        self._line: object = None  # vertical position

    def end(self) -> bool:
        """Hand over what was shown; False when that is nothing."""
        text = "".join(self._pieces)
        if text.strip():
            self._reading.texts.append(text)
            return True
        if self._has_image:
            self._reading.fail(Unreadable("application/pdf; images", "a PDF with pages that are pictures"))
        return False

    def show(self, content: bytes, resources: Mapping[str, Any], depth: int = 0) -> None:
        """Follow a content stream. Raises Unreadable past the bounds."""
        lexer = Lexer(content, self._objects.bounds)
        operands: list[Any] = []
        while (value := lexer.value()) or not isinstance(value, Operator):
            if not isinstance(value, Operator):
                if len(operands) == _OPERANDS_MAX:
                    self._add_asides(operands)
                    operands.clear()
                operands.append(value)
                continue
            if value == "ID":  # an image within the stream
                self._has_image = True
                end = _INLINE_IMAGE_END.search(content, lexer.position)
                lexer.position = end.end() if end else len(content)
            elif value == "Do":
                self._draw(resources, operands, depth)
            else:
                self._follow(str(value), operands, resources)
            operands.clear()
        self._add_asides(operands)

    def _follow(self, operator: str, operands: list[Any], resources: Mapping[str, Any]) -> None:
        match operator, operands:
            case "Tf", [*_, name, _]:
                self._font = self._font_of(resources, name)
            case "q", _:
                self._saved.append(self._font)
            case "Q", _ if self._saved:
                self._font = self._saved.pop()
            case "Tj" | "TJ", [*_, shown]:
                self._show(shown)
            case "'" | '"', [*_, shown]:
                self._pieces.append("\n")
                self._show(shown)
            case "Td" | "TD", [*_, _, down]:
                self._pieces.append("\n" if down else " ")
            case "Tm", [*_, line]:
                self._pieces.append(" " if line == self._line else "\n")
                self._line = line
            case "T*" | "ET", _:
                self._pieces.append("\n")
            case _:
                self._add_asides(operands)

    def _font_of(self, resources: Mapping[str, Any], name: Any) -> Font | None:
        fonts = self._objects.entries(resources.get("Font"))
        entries = self._objects.entries(fonts.get(name) if isinstance(name, Name) else None)
        if not entries:
            return None
        if id(entries) not in self._fonts:
            try:
                self._fonts[id(entries)] = font(entries, self._objects)
            except Unreadable as failure:
                self._reading.fail(failure)
                return None
        return self._fonts[id(entries)]

    def _show(self, shown: Any) -> None:
        for each in shown if isinstance(shown, list) else [shown]:
            if isinstance(each, bytes):
                text = self._font.text(each) if self._font else each.decode("latin-1")
                self._reading.bounds.charge_text(len(text))
                self._pieces.append(text)
            elif isinstance(each, int | float) and each < _SPACE_THOUSANDTHS:
                self._pieces.append(" ")

    def _draw(self, resources: Mapping[str, Any], operands: list[Any], depth: int) -> None:
        name = operands[-1] if operands else None
        objects = self._objects.entries(resources.get("XObject"))
        drawn = self._objects.get(objects.get(name) if isinstance(name, Name) else None)
        if not isinstance(drawn, Stream):
            return
        if drawn.entries.get("Subtype") == "Image":
            self._has_image = True
        elif depth < _FORMS_DEPTH_MAX and id(drawn) not in self._drawing:
            self._reading.bounds.charge_members(1)  # forms may draw forms that draw forms
            own = self._objects.entries(drawn.entries.get("Resources"))
            self._drawing.add(id(drawn))
            self.show(self._objects.decoded(drawn), own or resources, depth + 1)
            self._drawing.discard(id(drawn))

    def _add_asides(self, operands: list[Any]) -> None:
        """Strings that are not shown: alternative texts, what an operator misses."""
        for string in _strings(operands):
            self._reading.add_aside(_document_text(string))


def _strings(value: Any) -> Iterator[bytes]:
    """All strings in an object, however deep, but for those of streams with content."""
    pending = [value.entries if isinstance(value, Stream) else value]
    while pending:
        each = pending.pop()
        if isinstance(each, bytes):
            yield each
        elif isinstance(each, dict):
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)


def _document_text(string: bytes) -> str:
    """A text string (7.9.2.2); nothing for one that is no text, such as a date or an identifier."""
    if string.startswith(b"\xfe\xff"):
        text = string[2:].decode("utf-16-be", "replace")
    elif string.startswith(b"\xef\xbb\xbf"):
        text = string[3:].decode("utf-8", "replace")
    else:
        text = string.decode("cp1252", "replace")
    return "" if _UNPRINTABLE.search(text) or _DATE.match(text) else text
