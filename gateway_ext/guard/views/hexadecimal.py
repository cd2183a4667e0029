"""Texts in hexadecimal digits, alone or in groups: `414b`, `41 4b`, `0x41, 0x4b`.

A run is read as the text that it is in UTF-8, or else where it is printable ASCII; what is no text is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gateway_ext.guard.views.base64_runs import printable
from gateway_ext.guard.views.escapes import bytes_as_text
from gateway_ext.guard.views.excerpts import Run, excerpts
from gateway_ext.guard.views.offsets import Part, View, parts_by_width
from gateway_ext.guard.views.runs import runs_at

_H, _ANY = "[0-9A-Fa-f]", r"[\0-\x7f]"
_GAP = r"(?:[ :,-]|, ?0[xX]| 0[xX]|0[xX])"
_CHARACTER = rf"(?:[2-7]{_H}|[CcDd]{_H}[89ABab]{_H}|[Ee]{_H}[89ABab]{_H}[89ABab]{_H}|[Ff][0-4][89ABab]{_H}[89ABab]{_H}[89ABab]{_H})"


# Besides long runs.
HINT = (
    rf"(?:[2-7]{_H}[ :,-]){{7}}[2-7]{_H}|(?:0[xX]{_H}{{2}}[ ,]{{0,2}}){{5}}"
    r"|[eE]2[ :,-]80[ :,-]|[eE][fF][ :,-][bB][cdCD][ :,-]"
)
# Eight characters of UTF-8, or ten of ASCII among other bytes.
SIGNS: Sequence[re.Pattern[str]] = (
    re.compile(rf"(?:^|[^0-9A-Fa-f]){_H}?{_CHARACTER}{{8}}", re.ASCII),
    re.compile(rf"(?:[^2-7]{_ANY}|{_ANY}[^0-9A-Fa-f])(?:[2-7]{_H}){{10}}", re.ASCII),
)
# Behind what is no such group, so that a dump makes one hit for each of its lines.
GROUPED_SIGNS: Sequence[re.Pattern[str]] = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"(?:^[^\n]{{0,2}}|[^2-7]{_ANY}{{2}}|{_ANY}[^0-9A-Fa-f]{_ANY}|{_ANY}{{2}}[^ :,-])(?:[2-7]{_H}[ :,-]){{7}}[2-7]{_H}",
        rf"(?:^[^\n]{{0,2}}|[^0-9A-Fa-f]{_ANY}{{2}}|{_ANY}[^0-9A-Fa-f]{_ANY}|{_ANY}{{2}}[^ :,-])(?:{_H}{{2}}[ :,-]){{11}}{_H}{{2}}",
        rf"(?:0[xX][2-7]{_H}[ ,]{{0,2}}){{8}}|(?:0[xX]{_H}{{2}}[ ,]{{0,2}}){{12}}",
    )
)

_CHARACTERS_MIN = 16
_DIGITS = re.compile("[0-9A-Fa-f]*")
_OF_GROUPS = re.compile("[0-9A-Fa-fxX ,:-]*")
_GROUPED = re.compile(rf"(?<![0-9A-Fa-f]){_H}{{2}}(?P<gap>{_GAP}){_H}{{2}}(?:(?P=gap){_H}{{2}}){{6,}}(?!{_H})")
_PRINTABLE = re.compile(rf"(?:[2-7]{_H}){{8,}}")


def read(source: View, positions: Sequence[int]) -> Iterator[View]:
    runs = runs_at(_DIGITS, source.text, positions)
    yield from excerpts(
        source, (run for start, end in runs for run in _runs(source.text, start, end)), is_compact=False
    )


def has_text(run: str) -> bool:
    """Whether anything is read in a run of hexadecimal digits."""
    return any(sign.search("  " + run) for sign in SIGNS) and next(_runs(run, 0, len(run)), None) is not None


def read_grouped(source: View, positions: Sequence[int]) -> Iterator[View]:
    yield from excerpts(source, _grouped_runs(source.text, positions), is_compact=False)


def _runs(text: str, start: int, end: int) -> Iterator[Run]:
    if end - start < _CHARACTERS_MIN:
        return
    for first in (start, start + 1):
        last = end - (end - first) % 2
        parts = _parts(bytes.fromhex(text[first:last]), first, 2)
        if parts:
            yield Run(first, last, parts)
            return
    for stretch in _PRINTABLE.finditer(text, start, end):
        yield Run(stretch.start(), stretch.end(), _parts(bytes.fromhex(stretch[0]), stretch.start(), 2))


def _grouped_runs(text: str, positions: Sequence[int]) -> Iterator[Run]:
    for start, end in runs_at(_OF_GROUPS, text, positions):
        for match in _GROUPED.finditer(text, start, end):
            data = bytes.fromhex(match[0].replace(match["gap"], ""))
            parts = _parts(data, match.start(), 2 + len(match["gap"]))
            if parts:
                yield Run(match.start(), match.end(), _clamped(parts, match.end()))


def _parts(data: bytes, start: int, width: int) -> list[Part]:
    if not printable(data):
        return []
    reading, sizes = bytes_as_text(data)
    return parts_by_width(reading, width if isinstance(sizes, int) else [size * width for size in sizes], start)


def _clamped(parts: list[Part], end: int) -> list[Part]:
    """The last group has no gap behind it."""
    last = parts[-1]
    return [*parts[:-1], Part(last.reading, last.start, end, last.unit, last.source_unit)]
