"""Bytes as text: in the encoding they are in, or what is printable of bytes that are no text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as that of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Only encodings of text, and only those that decode in linear time.
_CHARSETS = re.compile(
    r"(?:utf-?16|utf-?32)(?:-?[lb]e)?|iso-?8859-\d{1,2}|(?:windows|cp)-?125\d|cp(?:437|85\d|932|949)|koi8-[ru]"
    r"|macintosh|shift_jis|euc-(?:jp|kr)|iso-2022-jp|gb(?:k|2312|18030)|big5",
    re.IGNORECASE,
)
_CONTROLS = bytes(code for code in range(32) if chr(code) not in "\t\n\v\f\r\x1b") + b"\x7f"
_CONTROLS_SHARE_MAX = 0.005

_STRETCH_MIN = 12  # characters
_KINDS = bytes(ord("p" if 0x20 <= code < 0x7F or code == 0x09 else "0" if not code else "-") for code in range(256))
_ONE_BYTE = re.compile(rb"[\t\x20-\x7e]+"), b"p" * _STRETCH_MIN
_TWO_BYTES = re.compile(rb"(?:[\t\x20-\x7e]\x00)+[\t\x20-\x7e]?"), b"p0" * _STRETCH_MIN


def decoded(data: bytes, charset: str = "") -> str | None:
    """The text that `data` is, or None. `charset` is the one declared; valid UTF-8 is read as that whatever it says."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    text = _in(encoding, data)
    if text is None and _CHARSETS.fullmatch(charset):
        text = _in(charset, data)
    if text is not None:
        return text
    if encoding == "utf-8" and (guessed := _utf_16(data)):
        return _in(guessed, data)
    if b"\0" not in data and len(data.translate(None, _CONTROLS)) >= (1 - _CONTROLS_SHARE_MAX) * len(data):
        return data.decode("cp1252", "replace")  # some encoding that extends ASCII
    return None


def _in(encoding: str, data: bytes) -> str | None:
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    return None if "\0" in text else text


def _utf_16(data: bytes) -> str:
    """UTF-16 without a mark, told by the zeros of its ASCII characters."""
    zeros = [data[first::2].count(0) for first in (0, 1)]
    half = len(data) // 2
    if zeros[1] * 2 > half and not zeros[0]:
        return "utf-16-le"
    return "utf-16-be" if zeros[0] * 2 > half and not zeros[1] else ""


def stretches(data: bytes) -> Iterator[str]:
    """The runs of printable ASCII in bytes that are no text, in one byte or two each: metadata, captions, names."""
    kinds = data.translate(_KINDS)  # a search for a run of one letter is many times faster than one for a class
    for run, beginning in (_ONE_BYTE, _TWO_BYTES):
        start = kinds.find(beginning)
        while start >= 0:
            found = run.match(data, start)
            assert found is not None, "it begins like this"
            yield found[0].replace(b"\0", b"").decode("ascii")
            start = kinds.find(beginning, found.end())
