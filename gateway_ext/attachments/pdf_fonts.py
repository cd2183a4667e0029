"""From the codes of a PDF font to characters (ISO 32000-1, 9.6, 9.10): its ToUnicode map, or else its encoding."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from gateway_ext.attachments.bounds import Bounds, Unreadable
from gateway_ext.attachments.pdf_objects import Lexer, Name, Objects, Operator, Stream

_ASCII_NAMES = """
    space exclam quotedbl numbersign dollar percent ampersand quotesingle parenleft parenright asterisk plus comma hyphen
    period slash zero one two three four five six seven eight nine colon semicolon less equal greater question at
    bracketleft backslash bracketright asciicircum underscore grave braceleft bar braceright asciitilde
"""
_ASCII = " !\"#$%&'()*+,-./0123456789:;<=>?@[\\]^_`{|}~"
_NAMES = dict(zip(_ASCII_NAMES.split(), _ASCII, strict=True)) | {
    "quoteright": "’", "quoteleft": "‘", "quotedblleft": "“", "quotedblright": "”", "endash": "–", "emdash": "—",
    "bullet": "•", "ellipsis": "…", "Euro": "€", "section": "§", "germandbls": "ß", "ae": "æ", "AE": "Æ", "oe": "œ",
    "OE": "Œ", "oslash": "ø", "Oslash": "Ø", "lslash": "ł", "Lslash": "Ł", "dcroat": "đ", "Dcroat": "Đ", "eth": "ð",
    "thorn": "þ", "dotlessi": "ı", "fi": "fi", "fl": "fl", "ff": "ff", "ffi": "ffi", "ffl": "ffl", "nbspace": " ",
    "minus": "-", "degree": "°", "copyright": "©", "registered": "®", "sterling": "£", "periodcentered": "·",
    "guillemotleft": "«", "guillemotright": "»", "quotesinglbase": "‚", "quotedblbase": "„", ".notdef": "",
}  # fmt: skip
_ACCENTS = {
    "grave": "\u0300", "acute": "\u0301", "circumflex": "\u0302", "tilde": "\u0303", "macron": "\u0304",
    "breve": "\u0306", "dotaccent": "\u0307", "dieresis": "\u0308", "ring": "\u030a", "hungarumlaut": "\u030b",
    "caron": "\u030c", "cedilla": "\u0327", "commaaccent": "\u0326", "ogonek": "\u0328",
}  # fmt: skip
_ACCENTED = re.compile(f"([A-Za-z])({'|'.join(_ACCENTS)})")
_UNICODE_NAME = re.compile(r"(?:uni|u)([0-9A-F]{4,6})")
_UNKNOWN = "\ufffd"
_IS_SYMBOLIC = 4  # the font's own encoding is not that of Latin letters
_RANGE_MAX = 65_536
_CODES_MAX = 400_000


class Font:
    """`text` turns a string of codes into characters. `shown` counts them, `unknown` those that nobody can be sure of."""

    def __init__(
        self, width: int, characters: Mapping[int, str], fallback: str = "", *, is_guess: bool = False
    ) -> None:
        self.shown = 0
        self.unknown = 0
        self._width = width  # bytes of a code
        self._characters = characters
        self._fallback = fallback  # encoding of the codes that `characters` lacks
        self._is_guess = is_guess

    def text(self, codes: bytes) -> str:
        pieces: list[str] = []
        for start in range(0, len(codes), self._width):
            code = codes[start : start + self._width]
            known = self._characters.get(int.from_bytes(code, "big"))
            if known is None:
                known = code.decode(self._fallback, "replace") if self._fallback else _UNKNOWN
            pieces.append(known)
            self.unknown += self._is_guess or _UNKNOWN in known
        self.shown += len(pieces)
        return "".join(pieces)


def font(entries: Mapping[str, Any], objects: Objects) -> Font:
    """The font that a font dictionary describes. Raises Unreadable past the bounds."""
    is_composite = entries.get("Subtype") == "Type0"
    mapping = objects.get(entries.get("ToUnicode"))
    encoding = objects.get(entries.get("Encoding"))
    width = 2 if is_composite else 1
    characters: dict[int, str] = {}
    if isinstance(mapping, Stream):
        width, characters = _to_unicode(objects.decoded(mapping), width, objects.bounds)
    if is_composite:
        is_unicode = isinstance(encoding, Name) and ("UTF16" in encoding or "UCS2" in encoding)
        return Font(width, characters, "utf-16-be" if is_unicode else "")
    flags = objects.entries(entries.get("FontDescriptor")).get("Flags")
    is_guess = not characters and encoding is None and isinstance(flags, int) and bool(flags & _IS_SYMBOLIC)
    differences = _differences(objects.entries(encoding).get("Differences"), objects)
    return Font(width, differences | characters, _fallback(encoding, objects), is_guess=is_guess)


def _fallback(encoding: Any, objects: Objects) -> str:
    base = encoding if isinstance(encoding, Name) else objects.entries(encoding).get("BaseEncoding")
    return "mac_roman" if base == "MacRomanEncoding" else "cp1252"  # which differs little from the standard one


def _differences(items: Any, objects: Objects) -> dict[int, str]:
    characters: dict[int, str] = {}
    code = 0
    for item in objects.get(items) or ():
        if isinstance(item, Name):
            characters[code] = _glyph(item)
            code += 1
        elif isinstance(item, int):
            code = item
    return characters


def _glyph(name: str) -> str:
    """The character of a glyph's name, as the Adobe Glyph List has it."""
    base = name.partition(".")[0] or name
    if base in _NAMES:
        return _NAMES[base]
    if len(base) == 1:
        return base
    if accented := _ACCENTED.fullmatch(base):
        return unicodedata.normalize("NFC", accented[1] + _ACCENTS[accented[2]])
    if found := _UNICODE_NAME.fullmatch(base):
        code = int(found[1], 16)
        return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else _UNKNOWN
    return _UNKNOWN


def _to_unicode(data: bytes, width: int, bounds: Bounds) -> tuple[int, dict[int, str]]:
    """Bytes of a code, and the characters, of a ToUnicode CMap (9.10.3)."""
    characters: dict[int, str] = {}
    mapped = 0  # codes, those given again included
    lexer = Lexer(data, bounds)
    operands: list[Any] = []
    while (value := lexer.value()) or not isinstance(value, Operator):
        if mapped + len(operands) > _CODES_MAX:
            raise Unreadable("application/pdf; font", "a PDF with a font of too many characters; save its text as .txt")
        if not isinstance(value, Operator):
            operands.append(value)
            continue
        found: dict[int, str] = {}
        if value == "endcodespacerange" and operands and isinstance(operands[0], bytes):
            width = max(1, min(4, len(operands[0])))
        elif value == "endbfchar":
            for code, to in zip(operands[::2], operands[1::2], strict=False):
                found.update(_range(code, code, to))
        elif value == "endbfrange":
            for first, last, to in zip(operands[::3], operands[1::3], operands[2::3], strict=False):
                mapped += len(each := _range(first, last, to))
                found.update(each if mapped <= _CODES_MAX else {})
        mapped += len(found)
        characters |= found
        operands.clear()
    return width, characters


def _range(first: Any, last: Any, to: Any) -> dict[int, str]:
    if not isinstance(first, bytes) or not isinstance(last, bytes):
        return {}
    low = int.from_bytes(first, "big")
    count = min(int.from_bytes(last, "big") - low + 1, _RANGE_MAX)
    if isinstance(to, list):
        return {low + at: _utf_16(each) for at, each in enumerate(to[: max(0, count)]) if isinstance(each, bytes)}
    if not isinstance(to, bytes) or not to:
        return {}
    base = int.from_bytes(to[-2:], "big")
    return {low + at: _utf_16(to[:-2] + ((base + at) & 0xFFFF).to_bytes(2, "big")) for at in range(max(0, count))}


def _utf_16(data: bytes) -> str:
    return data.decode("utf-16-be", "replace").replace("\0", "")
