"""One pass over a text that tells which detectors have anything to confirm, and where.

All patterns of all detectors are compiled into two Hyperscan (Vectorscan) databases. Constructs that they cannot decide
(back references, look-around) are compiled in its PREFILTER mode, which reports a superset of the real matches.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence

import hyperscan

from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.databases import DatabaseFile, Expression, compiled
from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.lazy_pattern import Pattern

# Look-around and back references. A false alarm costs nothing: PREFILTER mode decides exactly whatever it can.
_UNDECIDABLE = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P=")

_TRIGGER = "(?P<trigger>"
_BEGIN = b"(?:^|[^A-Za-z])"
_NO_LITERAL = re.compile(rb"\(\?:\^\|\[\^A-Za-z\]\)|\[[^\]]*\]|\\.|\(\?:")
_TWO_LETTERS = re.compile(rb"[A-Za-z]{2}")
_FURTHER_BYTES = re.compile(rb"[\x80-\xbf]")  # in a search by bytes the first one stands for a character in a class
_TOKENS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()]", re.DOTALL)

Note = Callable[[int, int, int, int, object], bool | None]
Hit = tuple[int, int]
"""Index of a detector, offset in bytes of the last byte matched."""


class Prefilter:
    """`patterns[i]` are those of detector i; `file` keeps the databases from start to start.

    A group of a pattern named `trigger` marks its rare part. Such a pattern lies within a line and is looked for only
    in the lines with a trigger, by a second database, so that what is common in texts, such as numbers, costs nothing
    elsewhere. Raises ConfigurationError for a pattern that cannot be compiled.
    """

    def __init__(self, patterns: Sequence[Sequence[Pattern]], file: DatabaseFile | None = None) -> None:
        numbered = [(index, pattern) for index, group in enumerate(patterns) for pattern in group]
        anywhere = [(index, *_read(pattern)) for index, pattern in numbered if not _is_triggered(pattern)]
        triggered = [pattern for _, pattern in numbered if _is_triggered(pattern)]
        in_lines = [(index, *_read(pattern)) for index, pattern in numbered if _is_triggered(pattern)]
        self._detectors = len(patterns)
        self._anywhere = _Database([*anywhere, *_triggers(triggered, self._detectors)], file)
        self._in_lines = _Database(in_lines, file.beside("lines") if file else None) if in_lines else None

    def hits(self, data: bytes, hits_max: int) -> list[Hit]:
        """Hits; of those of one detector on adjacent bytes of a line only the first (in every 64 bytes).

        Raises TooManyCandidates above `hits_max`.
        """
        found: list[Hit] = []
        latest = [-2] * self._detectors
        lines: dict[int, int] = {}
        trigger = self._detectors
        offset = line_start = 0
        line_end = -1

        def note(detector: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            nonlocal line_start, line_end
            last = offset + end - 1
            if detector == trigger:
                if not line_start <= last < line_end:
                    line_start = data.rfind(b"\n", 0, last) + 1
                    line_end = data.find(b"\n", last)
                    line_end = lines[line_start] = len(data) if line_end < 0 else line_end
                return None
            previous, latest[detector] = latest[detector], last
            if 0 <= last - previous <= 1 and last >> 6 == previous >> 6 and data[previous] != 0x0A:
                return None  # an open-ended pattern matches at every further byte
            found.append((detector, last))
            return len(found) > hits_max

        try:
            self._anywhere.scan(data, note)
            if self._in_lines:
                for offset, end in lines.items():
                    self._in_lines.scan(data[offset:end], note)
        except hyperscan.ScanTerminated:
            raise TooManyCandidates from None
        return found


class _Database:
    def __init__(self, expressions: Sequence[Expression], file: DatabaseFile | None) -> None:
        self._database = file.database(expressions, lambda: _built(expressions)) if file else _built(expressions)
        self._local = threading.local()

    def scan(self, data: bytes, note: Note) -> None:
        self._database.scan(data, match_event_handler=note, scratch=self._scratch())

    def _scratch(self) -> hyperscan.Scratch:
        """Hyperscan's working memory: one per thread, a shared one makes scans fail."""
        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        return scratch


def _is_triggered(pattern: Pattern) -> bool:
    return _TRIGGER in pattern.pattern


def _triggers(patterns: Sequence[Pattern], index: int) -> list[Expression]:
    """What tells the lines in which to look for `patterns`.

    Abbreviations of single letters have nothing that Hyperscan could look up: one automaton finds all of them.
    """
    triggers = sorted({_expression(_trigger(pattern.pattern), pattern.flags) for pattern in patterns})
    single = [source for source, _ in triggers if _is_of_single_letters(source)]
    alone = [(index, source, flags) for source, flags in triggers if source not in single]
    if single:
        inside = b"|".join(_FURTHER_BYTES.sub(b"", source.removeprefix(_BEGIN)) for source in single)
        flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_MULTILINE
        alone.append((index, b"%s(?:%s)" % (_BEGIN, inside), flags))
    return alone


def _trigger(source: str) -> str:
    """The inside of the group `trigger`, to the parenthesis that closes it."""
    inside = source.split(_TRIGGER, 1)[1]
    depth = 0
    for token in _TOKENS.finditer(inside):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth < 0:
            return inside[: token.start()]
    return inside


def _is_of_single_letters(source: bytes) -> bool:
    letters = _NO_LITERAL.sub(b"-", source)
    return (
        source.startswith(_BEGIN) and letters[1:2].isalpha() and letters.isascii() and not _TWO_LETTERS.search(letters)
    )


def _read(pattern: Pattern) -> tuple[bytes, int]:
    return _expression(pattern.pattern, pattern.flags)


def _expression(source: str, re_flags: int) -> tuple[bytes, int]:
    """What Hyperscan compiles for a pattern of `re`."""
    if not re_flags & re.ASCII:
        raise ConfigurationError(f"guard pattern {source!r} lacks re.ASCII, so the prefilter would differ")
    # Passages are lines: where a confirmer sees the end of a text, the prefilter sees the end of a line.
    flags = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_MULTILINE
    flags |= hyperscan.HS_FLAG_CASELESS if re_flags & re.IGNORECASE else 0
    flags |= hyperscan.HS_FLAG_DOTALL if re_flags & re.DOTALL else 0
    flags |= hyperscan.HS_FLAG_PREFILTER if _UNDECIDABLE.search(source) else 0
    return (b"(?x)" if re_flags & re.VERBOSE else b"") + source.encode(), flags


def _built(expressions: Sequence[Expression]) -> hyperscan.Database:
    try:
        return compiled(expressions)
    except hyperscan.error:  # rare, and costs a compilation for each pattern
        return compiled([(index, *_compilable(source, flags)) for index, source, flags in expressions])


def _compilable(expression: bytes, flags: int) -> tuple[bytes, int]:
    """The flags with which `expression` can be compiled. Raises ConfigurationError."""
    for mode in (0, hyperscan.HS_FLAG_PREFILTER):
        try:
            compiled([(0, expression, flags | mode)])
        except hyperscan.error:
            continue
        return expression, flags | mode
    raise ConfigurationError(f"guard pattern {expression.decode()!r} cannot be compiled for the prefilter")
