"""Texts in base64 (RFC 4648, either alphabet).

A run is read as the text that it is, or else, stretch by stretch, where its bytes are printable ASCII, wherever in a
quantum such a stretch begins. What is no text is not read: images, hashes, keys.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.views.excerpts import Run, excerpts
from gateway_ext.guard.views.offsets import Part, View, pieces_max
from gateway_ext.guard.views.runs import runs_at

# Four base64 characters that stand for three of ASCII: the high bits of each byte leave these possibilities.
_QUANTUM = "[I-Za-f][C-HS-Xi-ny-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
# The four before are not such, so that a run makes one hit.
_NOT_BEHIND_QUANTUM = (
    r"(?:^[^\n]{0,3}|[^I-Za-f][\0-\x7f]{3}|[\0-\x7f][^C-HS-Xi-ny-z0-3][\0-\x7f]{2}"
    r"|[\0-\x7f]{2}[^ABEFIJMNQRUVYZcdghklopstwx014589][\0-\x7f]|[\0-\x7f]{3}[^A-Za-z0-9+/_-])"
)
_LAST = "[I-Za-f](?:[AQgw](?:==)?|[C-HS-Xi-ny-z0-3][AEIMQUYcgkosw048]=?)"
_LONG = "(?:^|[^A-Za-z0-9+])[A-Za-z0-9+]{24}"  # may be UTF-8 that is not ASCII
_FULL_WIDTH = "(?:77[2yz][A-Za-z0-9]){2}|(?:[+-]{1,2}[89][A-Za-z0-9]{1,2}){3}"

SIGNS: Sequence[re.Pattern[str]] = (
    re.compile(rf"{_NOT_BEHIND_QUANTUM}(?:{_QUANTUM}){{4}}", re.ASCII),
    re.compile(f"{_LONG}|{_FULL_WIDTH}", re.ASCII),
)

_BASE64 = re.compile("[A-Za-z0-9+/_-]*={0,2}")
_STRETCH = re.compile(rf"(?:{_QUANTUM}){{3,}}(?:{_LAST})?")
_OF_ONE_LENGTH = re.compile("[\0-\x7f]+|[\x80-\u07ff]+|[\u0800-\uffff]+|[\U00010000-\U0010ffff]+")  # in UTF-8
_TO_STANDARD = str.maketrans("-_", "+/")

HINTS = (_FULL_WIDTH,)  # besides long runs

_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")
_UNPRINTABLE_SHARE_MAX = 0.03


def read(source: View, positions: Sequence[int]) -> Iterator[View]:
    """What it decodes to is text as somebody wrote it, even if the source is compact."""
    yield from excerpts(source, _runs(source.text, positions), is_compact=False)


def has_text(run: str) -> bool:
    """Whether anything is read in a run of characters of base64."""
    try:
        return bool(_parts(run, 0)) or any(_parts(stretch, 0) for stretch in _STRETCH.findall(run))
    except TooManyCandidates:
        return True


def _runs(text: str, positions: Sequence[int]) -> Iterator[Run]:
    for start, end in runs_at(_BASE64, text, positions):
        whole = _parts(text[start:end], start)
        if whole:
            yield Run(start, end, whole)
            continue
        for stretch in _STRETCH.finditer(text, start, end):
            parts = _parts(stretch[0], stretch.start())
            if parts:
                yield Run(*stretch.span(), parts)


def _parts(run: str, start: int) -> list[Part]:
    """What `run` says; nothing if it is no text. Raises TooManyCandidates."""
    digits = run.rstrip("=")
    padded = digits.translate(_TO_STANDARD) + "=" * (-len(digits) % 4)
    try:
        data = binascii.a2b_base64(padded)
    except binascii.Error:
        return []
    reading = printable(data)
    if not reading:
        return []
    if data.isascii():
        return [Part(reading, start, start + len(run), 3, 4)]
    parts = list(islice(_from_quanta(reading, start, start + len(run)), pieces_max(run) + 1))
    if len(parts) > pieces_max(run):
        raise TooManyCandidates
    return parts


def _from_quanta(reading: str, start: int, end: int) -> Iterator[Part]:
    """Each character of `reading` lies in one or two quanta, four characters of base64 for three bytes."""
    position = 0
    for group in _OF_ONE_LENGTH.finditer(reading):
        size = len(reading[group.start()].encode())
        if size == 3 and position % 3 == 0:  # one quantum each
            yield Part(group[0], start + position // 3 * 4, end, 1, 4)
            position += 3 * len(group[0])
            continue
        for character in group[0]:
            after = position + size
            first, last = position // 3 * 4, -(-after // 3) * 4
            yield Part(character, start + first, min(start + last, end), 1, last - first)
            position = after


def printable(data: bytes) -> str:
    """The text that `data` is in UTF-8; none if it is not, or holds control characters."""
    try:
        reading = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    unprintable = len(_UNPRINTABLE.findall(reading))
    return "" if unprintable > _UNPRINTABLE_SHARE_MAX * len(reading) else reading
