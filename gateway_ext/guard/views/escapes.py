r"""Characters written as escapes: `%41`, `=41`, `\x41`, `\101`, `\u0041`, `&#65;`, `&commat;`, `U+0041`.

RFC 3986 (percent), RFC 2045 (quoted-printable), the HTML standard's character references, C and JSON strings. Escapes
that are bytes are read as UTF-8, else as Latin-1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from html import unescape

from gateway_ext.guard.views.excerpts import Run, excerpts
from gateway_ext.guard.views.offsets import Part, View, parts_by_width

_H = "[0-9A-Fa-f]"
# Codes of ASCII letters and digits, which nothing but disguise escapes, and of `@` and `+`, which URLs do escape.
_PLAIN = "(?:3[0-9]|4[0-9A-Fa-f]|6[1-9A-Fa-f]|[57][0-9Aa]|2[Bb])"
_PLAIN_DECIMAL = "(?:4[389]|5[0-7]|6[4-9]|[78][0-9]|90|9[5789]|1[01][0-9]|12[0-2])"
_NAMED = "(?:commat|period|plus|lowbar|dash|hyphen|colon|shy|zwn?j|ZeroWidthSpace|NoBreak)"

HINT = (
    rf"%(?:{_PLAIN}|{_H}{{2}}%{_H}{{2}}%{_H}{{2}})|(?:={_H}{{2}}){{4}}|(?:\\[0-3][0-7]{{2}}){{3}}"
    rf"|\\x(?:{_PLAIN}|{_H}{{2}}\\x{_H}{{2}}\\x)|[\\%]u(?:00{_PLAIN}|{_H}{{4}}[\\%]u{_H}{{4}}[\\%]u)"
    rf"|\\u\{{|\\U000|&#|&{_NAMED};|[0-9](?:&nbsp;|%20)[0-9]|U\+[0-9A-F]{{4}}[ ,]{{0,2}}U"
)

# An escape that does not follow another, so that a run of them makes one hit: a plain character, or several together.
SIGNS: Sequence[re.Pattern[str]] = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"(?:^.{{0,2}}|[^%\n]..)(?:%{_PLAIN}|(?:%{_H}{{2}}){{3}})",
        rf"(?:^.{{0,2}}|[^=\n]..)(?:={_H}{{2}}){{4}}",
        rf"(?:^.{{0,3}}|[^\\\n]...)(?:\\x{_PLAIN}|(?:\\x{_H}{{2}}){{3}})",
        r"(?:^.{0,3}|[^\\\n]...)(?:\\[0-3][0-7]{2}){3}",
        rf"(?:^.{{0,5}}|[^\\%\n].....)[\\%]u(?:00{_PLAIN}|{_H}{{4}}[\\%]u{_H}{{4}}[\\%]u{_H}{{4}})",
        rf"(?:^|[^}}])\\u\{{0*{_PLAIN}\}}",
        rf"(?:^.{{0,9}}|[^\\\n].{{9}})\\U000(?:000{_PLAIN}|[01]{_H}{{4}}\\U)",
        rf"(?:^|[^;\n])&#(?:0*{_PLAIN_DECIMAL}(?:;|&)|[xX]0*{_PLAIN}(?:;|&)|[0-9]{{2,7}};?&#[0-9]{{2,7}};?&#)",
        rf"(?:^|[^;\n])&#[xX]{_H}{{2,6}};?&#[xX]{_H}{{2,6}};?&#",
        rf"[A-Za-z0-9]&{_NAMED};[A-Za-z0-9]|[0-9]&nbsp;[0-9]|[0-9]%20[0-9]",
        rf"U\+{_H}{{4}}[ ,]{{0,2}}U\+{_H}{{4}}[ ,]{{0,2}}U\+{_H}{{4}}",
    )
)

_FORMS = {
    "percent": rf"(?:%{_H}{{2}})+",
    "quoted": r"(?:=[0-9A-F]{2}){2,}",
    "hex": rf"(?:\\x{_H}{{2}})+",
    "octal": r"(?:\\[0-3][0-7]{2})+",
    "utf16": rf"(?:[\\%]u{_H}{{4}})+",
    "utf32": rf"(?:\\U{_H}{{8}})+",
    "braced": rf"(?:\\u\{{{_H}{{1,8}}\}})+",
    "entity": r"(?:&(?:#[0-9]{1,8}|#[xX][0-9A-Fa-f]{1,8}|[A-Za-z]{2,24}(?=;));?){1,256}",
    "notation": rf"U\+{_H}{{4,6}}(?:[ ,]{{0,2}}U\+{_H}{{4,6}})+",
}
_RUN = re.compile("|".join(f"(?P<{name}>{form})" for name, form in _FORMS.items()))
_ENTITY = re.compile(r"&[#0-9A-Za-z]+;?")
_NOTATION = re.compile(r"([ ,]*)U\+([0-9A-Fa-f]+)")
_FROM_OCTAL = {f"{code:03o}": code for code in range(256)}


def read(source: View, positions: Sequence[int]) -> Iterator[View]:
    """`source` with all its escapes resolved."""
    first = max(0, min(positions) - 64)
    runs = (_run(match) for match in _RUN.finditer(source.text, first))
    yield from excerpts(source, runs)


def _run(match: re.Match[str]) -> Run:
    form = match.lastgroup or ""
    return Run(match.start(), match.end(), _PARTS[form](match[0], match.start()))


def bytes_as_text(data: bytes) -> tuple[str, list[int] | int]:
    """Text, and how many bytes each of its characters has: UTF-8, or Latin-1 where it is not."""
    if data.isascii():
        return data.decode("ascii"), 1
    try:
        reading = data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1"), 1
    return reading, [len(character.encode()) for character in reading]


def _from_bytes(data: bytes, start: int, width: int) -> list[Part]:
    reading, sizes = bytes_as_text(data)
    return parts_by_width(reading, width if isinstance(sizes, int) else [size * width for size in sizes], start)


def _utf16(run: str, start: int) -> list[Part]:
    units = bytes.fromhex(run.replace("\\u", "").replace("%u", ""))
    reading = units.decode("utf-16-be", "surrogatepass")
    if len(reading) * 2 == len(units):
        return parts_by_width(reading, 6, start)
    return parts_by_width(reading, [12 if character > "\uffff" else 6 for character in reading], start)


def _utf32(run: str, start: int) -> list[Part]:
    return parts_by_width("".join(_character(code) for code in run.split("\\U")[1:]), 10, start)


def _octal(run: str, start: int) -> list[Part]:
    return _from_bytes(bytes(map(_FROM_OCTAL.__getitem__, run.split("\\")[1:])), start, 4)


def _braced(run: str, start: int) -> list[Part]:
    codes = run[3:-1].split("}\\u{")
    return parts_by_width("".join(map(_character, codes)), [len(code) + 4 for code in codes], start)


def _notation(run: str, start: int) -> list[Part]:
    elements = _NOTATION.findall(run)
    reading = "".join([_character(code) for _, code in elements])
    return parts_by_width(reading, [len(gap) + 2 + len(code) for gap, code in elements], start)


def _entities(run: str, start: int) -> list[Part]:
    elements = _ENTITY.findall(run)
    readings = [_entity(element) for element in elements]
    if all(len(reading) == 1 for reading in readings):
        return parts_by_width("".join(readings), [len(element) for element in elements], start)
    parts: list[Part] = []
    for element, reading in zip(elements, readings, strict=True):
        parts.append(Part(reading, start, start + len(element), max(1, len(reading)), len(element)))
        start += len(element)
    return parts


@lru_cache(maxsize=4096)  # html.unescape takes microseconds
def _entity(reference: str) -> str:
    return unescape(reference)


@lru_cache(maxsize=4096)
def _character(code: str) -> str:
    """The character with this hexadecimal code, U+FFFD if there is none."""
    number = int(code, 16)
    return chr(number) if number < 0x110000 else "\ufffd"


_PARTS: dict[str, Callable[[str, int], list[Part]]] = {
    "percent": lambda run, start: _from_bytes(bytes.fromhex(run.replace("%", "")), start, 3),
    "quoted": lambda run, start: _from_bytes(bytes.fromhex(run.replace("=", "")), start, 3),
    "hex": lambda run, start: _from_bytes(bytes.fromhex(run.replace("\\x", "")), start, 4),
    "octal": _octal,
    "utf16": _utf16,
    "utf32": _utf32,
    "braced": _braced,
    "entity": _entities,
    "notation": _notation,
}
