"""What tells that a text holds more than it says at first sight, and who reads what each sign stands for.

Two stages, because nearly all texts hold nothing: hints tell whether, for a few microseconds per 4 KB altogether;
only then signs tell where. (One database of all hints would be slower than a few small ones.)
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Sequence

import hyperscan

from gateway_ext.errors import InternalFailure
from gateway_ext.guard.databases import compiled
from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.prefilter import Hit, Prefilter
from gateway_ext.guard.views.offsets import View
from gateway_ext.limits import GUARD_CANDIDATES_MAX

_log = logging.getLogger(__name__)

SIGNS_FREE = 8192
CHARACTERS_PER_SIGN = 16  # least, on average, before a text is given up

Tools = tuple[hyperscan.Scratch, list[tuple[int, int]], Callable[[int, int, int, int, object], None]]
Read = Callable[[View, Sequence[int]], Iterator[View]]
"""Reads a view, given where signs end, in order."""


class Disguise:
    """One way to hide values: its hints (patterns of UTF-8 bytes), and signs with who reads them.

    Any one of the hints will do; of a tuple all are needed, of which the first should be the cheapest.

    Signs of ASCII characters are looked for in texts where `?` stands for every other character. `is_foreign`: only
    other texts can hold it. `is_unfolded`: folding would remove it, so it is read before. `is_in_tables`: every line of a harmless
    text may have a sign. `is_in_runs`: a long run of letters and digits that may be read is a hint, too.
    """

    def __init__(
        self,
        hints: Sequence[str | tuple[str, ...]],
        *readers: tuple[Sequence[re.Pattern[str]], Read],
        is_foreign: bool = False,
        is_unfolded: bool = False,
        is_in_tables: bool = False,
        is_in_runs: bool = False,
    ) -> None:
        self._is_in_tables = is_in_tables
        self.is_in_runs = is_in_runs
        self.is_foreign = is_foreign
        self.is_unfolded = is_unfolded
        self._hints = [[Hint(one) for one in ((hint,) if isinstance(hint, str) else hint)] for hint in hints]
        self._signs = Prefilter([signs for signs, _ in readers])
        self._readers = tuple(read for _, read in readers)

    def is_hinted_at(self, data: bytes) -> bool:
        """Whether there may be signs in a text, given in UTF-8."""
        return any(all(one.is_in(data) for one in hint) for hint in self._hints)

    def has_signs(self, view: View) -> bool:
        """Whether `read` has anything to look at. Raises InternalFailure."""
        try:
            return bool(self._hits(view, 0))
        except TooManyCandidates:
            return True

    def read(self, view: View) -> Iterator[View]:
        """What is read at the signs, if there are any. Raises TooManyCandidates, and InternalFailure."""
        hits = sorted(self._hits(view, self._signs_max(view.text)), key=lambda hit: hit[1])
        for index, read in enumerate(self._readers):
            offsets = [offset for reader, offset in hits if reader == index]
            if offsets:
                yield from read(view, _in_code_points(view.text, offsets) if self.is_foreign else offsets)

    def _signs_max(self, text: str) -> int:
        return GUARD_CANDIDATES_MAX if self._is_in_tables else SIGNS_FREE + len(text) // CHARACTERS_PER_SIGN

    def _hits(self, view: View, hits_max: int) -> list[Hit]:
        # Lone surrogates as `?`, too: Hyperscan may be given nothing but UTF-8.
        data = view.text.encode("utf-8" if self.is_foreign else "ascii", "replace")
        try:
            return self._signs.hits(data, hits_max)
        except hyperscan.error:
            _log.error("the search for signs of disguise failed")
            raise InternalFailure from None


def _in_code_points(text: str, offsets: Sequence[int]) -> list[int]:
    data = text.encode("utf-8", "replace")
    positions: list[int] = []
    reached = characters = 0
    for offset in offsets:
        characters += len(data[reached : offset + 1].decode("utf-8", "ignore"))
        reached = offset + 1
        positions.append(characters - 1)
    return positions


class Hint:
    """Whether a pattern of bytes occurs, and where its first occurrences end."""

    def __init__(self, *patterns: str, is_single: bool = True) -> None:
        """`is_single`: one occurrence of each is enough."""
        flags = hyperscan.HS_FLAG_DOTALL | (hyperscan.HS_FLAG_SINGLEMATCH if is_single else 0)
        self._database = compiled([(index, pattern.encode("ascii"), flags) for index, pattern in enumerate(patterns)])
        self._local = threading.local()

    def is_in(self, data: bytes) -> bool:
        """Raises InternalFailure."""
        return bool(self.places(data))

    def places(self, data: bytes) -> Sequence[tuple[int, int]]:
        """Pattern and end of each occurrence, good until the next search in this thread. Raises InternalFailure."""
        tools: Tools | None = getattr(self._local, "tools", None)
        scratch, found, note = tools or self._tools()
        found.clear()
        try:
            self._database.scan(data, match_event_handler=note, scratch=scratch)
        except hyperscan.error:
            _log.error("the search for hints of disguise failed")
            raise InternalFailure from None
        return found

    def _tools(self) -> Tools:
        """One set per thread, as in Prefilter; made once, as a search takes hardly longer than making them."""
        found: list[tuple[int, int]] = []

        def note(pattern: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append((pattern, end))

        tools = self._local.tools = hyperscan.Scratch(self._database), found, note
        return tools
