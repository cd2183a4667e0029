"""Letters and digits of other scripts that look like ASCII ones.

The pairs were chosen by eye from the Cyrillic, Greek, Armenian, Cherokee and Lisu blocks and Latin's own look-alikes,
after the manner of Unicode Technical Standard #39. Decimal digits (category Nd) of the basic plane are read as what they mean.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from gateway_ext.guard.views.excerpts import Run, excerpts
from gateway_ext.guard.views.offsets import Part, View
from gateway_ext.guard.views.runs import runs_at

_LOOK_ALIKES = (
    ("АВЕЅЗІӀЈКМНОРСТУҮХԚԜҺԌ", "ABES3IIJKMHOPCTYYXQWhG"),  # Cyrillic
    ("аеорсухѕіӏјһԛԝԁгѵү", "aeopcyxsiljhqwdrvy"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿ", "ABEZHIKMNOPTYXCJ"),  # Greek
    ("αονικρυχτωηϲϳγ", "aovikpuxtwncjy"),
    ("ՕՍՏԼօսոհցզյԱ", "OUSLounhgqjU"),  # Armenian
    ("ᎪᏴᏟᎠᎬᎶᎻᏆᎫᏦᏞᎷᏢᏒᏚᎢᏙᏔᎩᏃ", "ABCDEGHIJKLMPRSTVWYZ"),  # Cherokee
    ("ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ", "BPDTGKJCZFMNLSRVHWXYAEIOU"),  # Lisu
    ("ıɑɡɩʟᴀʙᴄᴅᴇꜰɢʜɪᴊᴋᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "iagiLABCDEFGHIJKMNOPRSTUVWYZ"),  # Latin
)
# What these are beside digits.
_LIKE_DIGITS = "ОоΟοՕօІӀіΙιıЗзӠʒЧчЅѕбЬьВΒ"
_AS_DIGITS = "00000011111133334455666" + "88"

_BADGES = (0x1F150, 0x1F170, 0x1F1E6)  # white letters on black circles, on black squares; regional indicators


def _decimal_digits() -> dict[int, str]:
    characters = map(chr, range(0x80, 0x10000))
    return {ord(c): str(unicodedata.digit(c)) for c in characters if unicodedata.category(c) == "Nd"}


_DIGITS = _decimal_digits()
_LETTERS = {ord(a): b for alike, plain in _LOOK_ALIKES for a, b in zip(alike, plain, strict=True)}
_LETTERS |= {first + offset: chr(0x41 + offset) for first in _BADGES for offset in range(26)}
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_TO_ASCII = _LETTERS | _DIGITS | _DASHES
_TO_DIGITS = {ord(a): b for a, b in zip(_LIKE_DIGITS, _AS_DIGITS, strict=True)}


def _class(codes: Iterable[int]) -> str:
    return "".join(map(chr, sorted(codes)))


_ALIKE, _DIGIT, _DASH = _class(_LETTERS), _class(_DIGITS), _class(_DASHES)

# Lead bytes of Cyrillic, Greek and Armenian, and of the rest.
_OTHERS = r"(?:\xC4\xB1|[\xC9\xCA]|\xE1[\x8E\x8F\xB4]|\xEA[\x93\x9C]|\xF0\x9F[\x85-\x87])"
_LIKE_DIGIT_BYTES = (
    r"(?:\xD0[\x85\x86\x92\x97\x9E\xA7\xAC\xB1\xB7\xBE]|\xD1[\x87\x8C\x95\x96]|\xCE[\x92\x99\x9F\xB9\xBF])"
)
HINTS = (
    r"[A-Za-z0-9_@+][\xCD-\xD6]|[\xCD-\xD6].[A-Za-z0-9_@+]",
    rf"[A-Za-z0-9_@+]{_OTHERS}|{_OTHERS}.[A-Za-z0-9_@+]",
    r"[\xD9\xDB][\xA0-\xB9][\xD9\xDB0-9][\xA0-\xB9]|[0-9](?:[\xD9\xDB\xDF]|\xE0|\xE1[\x81\x82\x9F\xA0\xA5\xA7\xAA\xAD-\xB1]|\xEA[\x98\xA3-\xAF])"
    r"|\xE0[\xA5-\xBC][\xA6-\xBF]\xE0|\xE0[\xA5-\xBC][\xA6-\xBF][0-9]",
    rf"{_LIKE_DIGIT_BYTES}[ .-][0-9]|[0-9][ .-]{_LIKE_DIGIT_BYTES}",
    r"[A-Za-z0-9]\xE2(?:\x80[\x90-\x95]|\x88\x92)[A-Za-z0-9]{1,6}\xE2[\x80\x88]",
)
# A word that mixes scripts, digits of another script, groups between dashes that are not `-`.
SIGNS: Sequence[re.Pattern[str]] = (
    re.compile(f"[A-Za-z0-9_@+][{_ALIKE}]|[{_ALIKE}][A-Za-z0-9_@]", re.ASCII),
    re.compile(f"[{_DIGIT}][0-9{_DIGIT}]|[0-9][{_DIGIT}]", re.ASCII),
    re.compile(
        f"(?:^|[ -~])[{_LIKE_DIGITS}]{{1,4}}[ .-][0-9]|[0-9][ .-][{_LIKE_DIGITS}]{{1,4}}(?:$|[\n -~])", re.ASCII
    ),
    re.compile(f"[A-Za-z0-9][{_DASH}][A-Za-z0-9]{{1,6}}[{_DASH}][A-Za-z0-9]", re.ASCII),
)

_LINE = re.compile("[^\n]*")
_NOT_SPACE = re.compile(r"\S+")
_MIXED = re.compile(f"[A-Za-z0-9@{_DIGIT}]")
# Also after two letters, as in the check digits of an IBAN.
_BESIDE_DIGIT = re.compile(
    f"(?<=[0-9])[{_LIKE_DIGITS}]+|[{_LIKE_DIGITS}]+(?=[0-9])"
    rf"|(?<!\w)[{_LIKE_DIGITS}]+(?!\w)|(?<=\b\w\w)[{_LIKE_DIGITS}]{{2}}(?!\w)"
)


def read(source: View, positions: Sequence[int]) -> Iterator[View]:
    """Mixed words of the lines with signs in ASCII: as letters, and as digits if that is something else."""
    lines = list(runs_at(_LINE, source.text, positions))
    as_letters = next(excerpts(source, _words(source.text, lines, as_digits=False)), None)
    as_digits = next(excerpts(source, _words(source.text, lines, as_digits=True)), None)
    if as_letters:
        yield as_letters
    if as_digits and (as_letters is None or as_digits.text != as_letters.text):
        yield as_digits


def _words(text: str, lines: Iterable[tuple[int, int]], *, as_digits: bool) -> Iterator[Run]:
    for start, end in lines:
        for word in _NOT_SPACE.finditer(text, start, end):
            printed = word[0]
            reading = printed if printed.isascii() else _reading(printed, as_digits=as_digits)
            if reading != printed:
                yield Run(*word.span(), [Part(reading, *word.span(), 1, 1)])


def _reading(word: str, *, as_digits: bool) -> str:
    if as_digits:
        word = _BESIDE_DIGIT.sub(lambda match: match[0].translate(_TO_DIGITS), word)
    return word.translate(_TO_ASCII) if _MIXED.search(word) else word
