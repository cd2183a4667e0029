"""One pass over a text that tells which detectors have anything to confirm, and where.

All patterns of all detectors are compiled into one Hyperscan (Vectorscan) database. Constructs that it cannot decide
(back references, look-around) are compiled in its PREFILTER mode, which reports a superset of the real matches.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence

import hyperscan

from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.databases import DatabaseFile, Expression, compiled
from gateway_ext.guard.detector import TooManyCandidates

# Look-around and back references. A false alarm costs nothing: PREFILTER mode decides exactly whatever it can.
_UNDECIDABLE = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P=")

Hit = tuple[int, int]
"""Index of a detector, offset in bytes of the last byte matched."""


class Prefilter:
    """`patterns[i]` are those of detector i; `file` keeps the database from start to start.

    Raises ConfigurationError for a pattern that cannot be compiled.
    """

    def __init__(self, patterns: Sequence[Sequence[re.Pattern[str]]], file: DatabaseFile | None = None) -> None:
        expressions = [(index, *_expression(pattern)) for index, group in enumerate(patterns) for pattern in group]
        self._detectors = len(patterns)
        self._database = file.database(expressions, lambda: _built(expressions)) if file else _built(expressions)
        self._local = threading.local()

    def hits(self, data: bytes, hits_max: int) -> list[Hit]:
        """Hits; of those of one detector on adjacent bytes of a line only the first (in every 64 bytes).

        Raises TooManyCandidates above `hits_max`.
        """
        found: list[Hit] = []
        latest = [-2] * self._detectors

        def note(detector: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            last = end - 1
            previous, latest[detector] = latest[detector], last
            if 0 <= last - previous <= 1 and last >> 6 == previous >> 6 and data[previous] != 0x0A:
                return None  # an open-ended pattern matches at every further byte
            found.append((detector, last))
            return len(found) > hits_max

        try:
            self._database.scan(data, match_event_handler=note, scratch=self._scratch())
        except hyperscan.ScanTerminated:
            raise TooManyCandidates from None
        return found

    def _scratch(self) -> hyperscan.Scratch:
        """Hyperscan's working memory: one per thread, a shared one makes scans fail."""
        scratch: hyperscan.Scratch | None = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        return scratch


def _expression(pattern: re.Pattern[str]) -> tuple[bytes, int]:
    if not pattern.flags & re.ASCII:
        raise ConfigurationError(f"guard pattern {pattern.pattern!r} lacks re.ASCII, so the prefilter would differ")
    # Passages are lines: where a confirmer sees the end of a text, the prefilter sees the end of a line.
    flags = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_MULTILINE
    flags |= hyperscan.HS_FLAG_CASELESS if pattern.flags & re.IGNORECASE else 0
    flags |= hyperscan.HS_FLAG_DOTALL if pattern.flags & re.DOTALL else 0
    flags |= hyperscan.HS_FLAG_PREFILTER if _UNDECIDABLE.search(pattern.pattern) else 0
    source = pattern.pattern.encode()
    return b"(?x)" + source if pattern.flags & re.VERBOSE else source, flags


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
