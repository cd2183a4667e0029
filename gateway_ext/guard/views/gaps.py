"""Values taken apart: `A K I A …`, `4-1-1-1-…`, `4, 1, 1, 1, …`, and keys in groups between no-break spaces.

What consists of digits alone may be a table, so that only kinds proved by a checksum are looked for in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from gateway_ext.guard.views.excerpts import Run, excerpts
from gateway_ext.guard.views.offsets import Part, View, parts_by_width
from gateway_ext.guard.views.runs import runs_at

_NO_BREAK = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000"
_NO_BREAK_BYTES = r"(?:\xC2\xA0|\xE1\x9A\x80|\xE2\x80[\x80-\x8A\xAF]|\xE2\x81\x9F|\xE2\xA0\x80|\xE3\x80\x80)"
_GAP = "[ \t\n]{1,3}"
_SEPARATORS = (".", "-", "_", ",", "/", "|", "*", ":", ";", "+", "=", "~", "?")  # ? for what is not ASCII

_ELEMENTS = r"A-Za-z0-9._@+%\-"

# Nine characters, the first of which is one that values begin with.
_FIRST = r"A-Za-z0-9+(%\\&"
SPACED_HINTS = (
    r"(?:[!-~](?:[._,|*:;+=~\-/]|[, \n\t]+)){8}",
    r"(?:[A-Za-z0-9][\xC2\xE2\xE3][\x80-\xBF]{1,2}){5}",
)
SPACED_SIGNS: Sequence[re.Pattern[str]] = (
    re.compile(
        rf"(?:\A[ \t]{{0,8}}|[^!-~]{{4}}|[!-~]{{2}}{_GAP})(?:[!-~]{_GAP}){{0,2}}"
        rf"[{_FIRST}](?:{_GAP}[!-~]){{8}}(?:[^A-Za-z0-9]|$)",
        re.ASCII,
    ),
    re.compile(r"(?:^|[^A-Za-z0-9, ]|[^,] )[A-Za-z0-9](?:, [A-Za-z0-9]){8}(?:[^A-Za-z0-9]|$)", re.ASCII),
    *(
        re.compile(rf"(?:^|[^{_ELEMENTS}{s}])[{_FIRST}](?:[{s}][{_ELEMENTS}]){{8}}(?:[^A-Za-z0-9]|$)", re.ASCII)
        for s in map(re.escape, _SEPARATORS)
    ),
)
GROUPED_HINTS = (rf"[!-~]{_NO_BREAK_BYTES}[!-~]{{1,12}}{_NO_BREAK_BYTES}[!-~]",)
GROUPED_SIGNS: Sequence[re.Pattern[str]] = (
    re.compile(rf"[!-~][{_NO_BREAK}][A-Za-z0-9_@.+-]{{1,12}}[{_NO_BREAK}][A-Za-z0-9_@.+-]", re.ASCII),
)

_SPACED_RUN = re.compile(
    rf"(?<![A-Za-z0-9])[{_FIRST}](?:{_GAP}\S){{8,}}(?![A-Za-z0-9])"
    rf"|(?<![A-Za-z0-9])[{_FIRST}](?P<separator>, |[._,/|*:;+=~·•∙⋅、。-])"
    r"[!-~](?:(?P=separator)[!-~]){7,}(?![A-Za-z0-9])"
)
_BEGINNING_CHARACTERS = 64
_DIGITS_MIN = 9

_GLUED = re.compile(f"[!-~{_NO_BREAK}]*")
_VISIBLE = re.compile("[!-~]+")
_DIGITS = re.compile("(?<![0-9])[01]*+[2-9][0-9]*")  # bits are no number of anybody; in linear time
_ELEMENT, _SPACE = re.compile(r"\S"), re.compile(r"\s")


def read_spaced(source: View, positions: Sequence[int]) -> Iterator[View]:
    """Runs of single characters put together again, and what they hold in digits."""
    wholes = [_joined(match) for match in _spaced_runs(source.text, positions)]
    yield from excerpts(source, (run for run in wholes if not _reading(run).isdecimal()))
    yield from excerpts(source, (number for run in wholes for number in _numbers(run)), is_compact=True)


def read_grouped(source: View, positions: Sequence[int]) -> Iterator[View]:
    """Groups between no-break spaces put together."""
    yield from excerpts(source, _glued_runs(source.text, positions))


def _glued_runs(text: str, positions: Sequence[int]) -> Iterator[Run]:
    for start, end in runs_at(_GLUED, text, positions):
        yield Run(start, end, [Part(group[0], *group.span(), 1, 1) for group in _VISIBLE.finditer(text, start, end)])


def _spaced_runs(text: str, positions: Sequence[int]) -> Iterator[re.Match[str]]:
    """Runs that begin shortly before `positions`, in order."""
    reached = 0
    for position in sorted(positions):
        if position < reached:
            continue
        high = position + _BEGINNING_CHARACTERS
        whole = _SPACED_RUN.search(text, max(reached, position - _BEGINNING_CHARACTERS), high)
        if whole and whole.end() + len("   ") >= high:  # there may be more of it
            whole = _SPACED_RUN.match(text, whole.start())
        if whole:
            reached = whole.end()
            yield whole


def _joined(match: re.Match[str]) -> Run:
    start, end = match.span()
    width = 1 + len(match["separator"] or " ")
    run = match[0]
    if match["separator"] or (len(run) % 2 and not run[1::2].strip() and not _SPACE.search(run[::2])):
        return Run(start, end, [Part(run[::width], start, end, 1, width)])
    places = [element.start() for element in _ELEMENT.finditer(run)]
    widths = [after - place for place, after in pairwise([*places, len(run)])]
    return Run(start, end, parts_by_width("".join(run.split()), widths, start))


def _reading(run: Run) -> str:
    return "".join([part.reading for part in run.parts])


def _numbers(run: Run) -> Iterator[Run]:
    """The run, or long stretches of digits in it if all its characters have the same distance."""
    if len(run.parts) > 1:
        if _reading(run).isdecimal():
            yield run
        return
    reading, first, _, _, width = run.parts[0]
    for digits in _DIGITS.finditer(reading):
        if len(digits[0]) < _DIGITS_MIN:
            continue
        start, end = first + digits.start() * width, first + (digits.end() - 1) * width + 1
        yield Run(start, end, [Part(digits[0], start, end, 1, width)])
