"""HTML, XML and RTF as text. No parser: one pass over the tags, so nothing is expanded, fetched or nested."""

from __future__ import annotations

import re
from html import unescape

from gateway_ext.attachments.reading import Reading

_MARKUP = re.compile(r"\s*<(?:[?!A-Za-z])")
_TAG = re.compile(r"<([^<>]*)>")
_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9:-]*)")
_PIECE_CHARACTERS = 64 * 1024
_REFERENCE_CHARACTERS_MAX = 40  # `&CounterClockwiseContourIntegral;` has 33
_INLINE_TAGS = "a abbr b bdi bdo big cite code em font i ins kbd mark q s samp small span strong sub sup tt u var wbr"
_INLINE = frozenset(_INLINE_TAGS.split())
_CELLS = frozenset({"td", "th"})

_RTF = re.compile(
    r"\\'([0-9A-Fa-f]{2})|\\u(-?\d{1,6}) ?|\\([A-Za-z]{1,32})(-?\d{1,10})? ?|\\([^A-Za-z])|(})|[{\r\n]|([^\\{}\r\n]+)|\\"
)
_CODE_PAGE = re.compile(r"\\ansicpg(125\d|437|85\d|874|932|936|949|950)(?!\d)")
_RTF_BREAKS = {"par": "\n", "line": "\n", "row": "\n", "sect": "\n", "page": "\n", "tab": "\t", "cell": "\t"}
_RTF_SYMBOLS = {"~": "\u00a0", "_": "\u2011", "\\": "\\", "{": "{", "}": "}", "\n": "\n", "\r": "\n"}


def is_markup(text: str) -> bool:
    return _MARKUP.match(text) is not None


def without_tags(text: str, reading: Reading) -> str:
    """What stands between tags; what stands within them (attributes, comments) becomes asides, so that all is read.

    Raises Unreadable past the bounds.
    """
    outside: list[str] = []
    done = 0
    for tag in _TAG.finditer(text):
        reading.bounds.charge_text(tag.end() - done)
        outside.append(text[done : tag.start()])
        name = _NAME.match(tag[1])
        word = name[1].lower() if name else ""
        if word not in _INLINE:
            outside.append("\t" if word in _CELLS else "\n")
        if name is None or len(tag[1]) > name.end() + 1:
            reading.add_aside(unescape(tag[1]))
        done = tag.end()
    reading.bounds.charge_text(len(text) - done)
    outside.append(text[done:])
    return _unescaped("".join(outside), reading)


def _unescaped(text: str, reading: Reading) -> str:
    pieces: list[str] = []
    start = 0
    while start < len(text):
        reading.bounds.charge_time()
        end = min(start + _PIECE_CHARACTERS, len(text))
        reference = text.rfind("&", end - _REFERENCE_CHARACTERS_MAX, end)
        if reference > start and end < len(text):
            end = reference  # not in its middle
        pieces.append(unescape(text[start:end]))
        start = end
    return "".join(pieces)


def rtf_text(data: bytes, reading: Reading) -> str:
    """Rich Text Format 1.9.1: text, breaks and escaped characters. Fonts' and styles' names are read as text, too.

    Raises Unreadable past the bounds.
    """
    source = data.decode("latin-1")
    page = _CODE_PAGE.search(source)
    encoding = f"cp{page[1]}" if page else "cp1252"
    pieces: list[str] = []
    encoded = bytearray()  # characters of two bytes are two escapes
    fallback = 1  # characters behind \u for readers that do not know it
    skip = 0
    is_picture = False  # until the end of its group: hexadecimal digits
    for token in _RTF.finditer(source):
        byte, code, word, number, symbol, group_end, plain = token.groups()
        if byte:
            encoded += b"" if skip else bytes.fromhex(byte)
            skip = max(0, skip - 1)
            continue
        pieces.append(encoded.decode(encoding, "replace"))
        encoded.clear()
        reading.bounds.charge_text(len(pieces[-1]))
        if code:
            pieces.append(chr(int(code) & 0xFFFF))  # written with a sign
            skip = fallback
        elif word:
            fallback = min(int(number or 1), 8) if word == "uc" else fallback
            is_picture = is_picture or word == "pict"
            pieces.append(_RTF_BREAKS.get(word, ""))
        elif symbol:
            pieces.append(_RTF_SYMBOLS.get(symbol, ""))
        elif group_end:
            is_picture = False
        elif plain and not is_picture:
            pieces.append(plain[skip:])
            skip = max(0, skip - len(plain))
            reading.bounds.charge_text(len(plain))
    pieces.append(encoded.decode(encoding, "replace"))
    # Characters beyond the basic plane are written as two halves.
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
