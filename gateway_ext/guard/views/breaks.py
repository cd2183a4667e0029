"""Values that a line end, with the indentation or quotation marks behind it, cuts in two.

Only what stands directly before and behind a line end is joined, where it looks like a key or a number; whole lines
that look like parts of one key are joined one after the other. One reading drops the line end, one takes it as a space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway_ext.guard.views.offsets import Part, View, Writer

_TOKEN = "A-Za-z0-9_.@+/=~%-"  # noqa: S105  (a character class)
_BLANKS = " \t\n\r\v\f>|\\"
_BLANK = r"[^!-=?-\[\]-{}~]*"  # written as what it is not, which Hyperscan searches twice as fast
_GAP = rf"{_BLANK}[\n-\r]{_BLANK}"
_W = "[A-Za-z0-9_]"

# On one side of a line end: five digits, or a word of eight with a digit among them, or four capitals, or an address.
_PATTERNS = (
    rf"(?:(?:[0-9][ .-]?){{5}}|[0-9]{_W}{{4}}{_W}*|{_W}{{4}}[0-9]{_W}*){_GAP}[{_TOKEN}(]",
    rf"[0-9A-Z)+]{_GAP}[A-Z]{{0,2}} ?(?:[0-9][ .-]?){{4}}[0-9]|[A-Z]{{4}}{_GAP}[A-Z]|[A-Z]{_GAP}[A-Z]{{4}}"
    rf"|[{_TOKEN}]{_GAP}(?:{'|'.join(f'{_W}{{{n}}}[0-9]{_W}{{{7 - n}}}' for n in range(1, 7))}|[0-9]{_W}{{7}}|{_W}{{7}}{_W}*[0-9])",
    rf"@[{_TOKEN}]*{_GAP}[{_TOKEN}]|[{_TOKEN}]{_GAP}[{_TOKEN}]*@",
)
HINTS = (*_PATTERNS[:2], ("@", _PATTERNS[2]))
SIGNS: Sequence[re.Pattern[str]] = tuple(re.compile(pattern, re.ASCII) for pattern in _PATTERNS)

_BEHIND_GAP = re.compile(r"[ \t\n\r\v\f>|\\]*")
_SIDE = re.compile(rf"[{_TOKEN}]*(?: [A-Z0-9.()+-]{{1,8}})*")
_LETTER = re.compile("[A-Za-z]")
_SIGN_CHARACTERS = 128  # of a sign, from the line end on; also the most that blanks around a line end may take
_SIDE_CHARACTERS_MAX = 4096
_DIGITS_MIN = 9
_KEY_CHARACTERS_MIN = 16
_ALIKE_CHARACTERS = 4
_ROW_MAX = 64  # line ends in a row; more are a table
_DIGIT = re.compile("[0-9]")
_DATE = re.compile("(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}")
_OF_LOCAL_PART = re.compile("[a-z][._0-9-]")  # RFC 5322's word for what precedes the `@` of an address
_MARK = re.compile("@|[+][0-9]|eyJ")  # of an address, a telephone number, a JSON Web Token


class _Cut(NamedTuple):
    """The line end at `[end, start)`, behind `[first, end)` and before `[start, last)`."""

    first: int
    end: int
    start: int
    last: int


def read(source: View, positions: Sequence[int]) -> Iterator[View]:
    """Only kinds that prove themselves may be found across a line end that is dropped, but for what shows a mark.

    Of a table only the first rows are looked at; the reading is empty if there is nothing in them.
    """
    text = source.text
    rows = list(_without_tables(positions))
    marked: list[list[_Cut]] = []
    unmarked: list[list[_Cut]] = []
    for cuts in _values(text, rows):
        is_marked = any(_MARK.search(text[cut.first : cut.end] + text[cut.start : cut.last]) for cut in cuts)
        (marked if is_marked else unmarked).append(cuts)
    if unmarked or len(rows) < len(positions):
        yield _joined(source, unmarked, "", is_compact=True)
    if marked:
        yield _joined(source, marked, "", is_compact=source.is_compact)
    apart = sorted([cuts for cuts in marked + unmarked if len(cuts) == 1])
    if apart:
        yield _joined(source, apart, " ", is_compact=source.is_compact)


def _without_tables(positions: Sequence[int]) -> Iterator[int]:
    previous = -_SIGN_CHARACTERS
    row = 0
    for position in positions:
        row = row + 1 if position - previous < _SIGN_CHARACTERS else 0
        previous = position
        if row < _ROW_MAX:
            yield position


def _values(text: str, positions: Sequence[int]) -> Iterator[list[_Cut]]:
    """Line ends that may cut a value; those of lines that are wholly parts of one key together."""
    chain: list[_Cut] = []
    reached = 0
    for position in positions:
        if position < reached:
            continue  # another sign of the same line end
        cut = _cut(text, max(reached, position - _SIGN_CHARACTERS), position)
        if cut is None:
            continue
        reached = cut.start
        if not _may_be_one(text[cut.first : cut.end], text[cut.start : cut.last], text[cut.end : cut.start]):
            continue
        if chain and (chain[-1].start, chain[-1].last) == (cut.first, cut.end) and _LETTER.search(text, *cut[:2]):
            chain.append(cut)
            continue
        if chain:
            yield chain
        chain = [cut]
    if chain:
        yield chain


def _cut(text: str, low: int, high: int) -> _Cut | None:
    """The last line end in `text[low:high]` and its sides; none if one of these is empty."""
    line_end = max(text.rfind("\n", low, high), text.rfind("\r", low, high))
    if line_end < 0:
        line_end = max(text.rfind("\v", low, high), text.rfind("\f", low, high))
    if line_end < 0:
        return None
    end = low + len(text[low:line_end].rstrip(_BLANKS))
    blanks = _BEHIND_GAP.match(text, line_end, line_end + _SIGN_CHARACTERS)
    start = blanks.end() if blanks else line_end
    line_low = max(end - _SIDE_CHARACTERS_MAX, text.rfind("\n", max(0, end - _SIDE_CHARACTERS_MAX), end) + 1, 0)
    before = _SIDE.match(text[line_low:end][::-1])
    behind = _SIDE.match(text, start, start + _SIDE_CHARACTERS_MAX)
    if before is None or behind is None or not before[0] or not behind[0]:
        return None
    return _Cut(end - before.end(), end, start, behind.end())


def _may_be_one(before: str, behind: str, gap: str) -> bool:
    """Whether it can be a number, an address or a key, and is not a table or a list of like things."""
    whole = before + behind
    if "@" in whole:
        return whole.count("@") == 1 and _may_be_address(before, behind, gap)
    if _DATE.match(behind):
        return False
    digits = len(_DIGIT.findall(whole))
    if not _LETTER.search(whole):
        return digits >= _DIGITS_MIN
    if before[:_ALIKE_CHARACTERS] == behind[:_ALIKE_CHARACTERS]:
        return False
    key = before.rpartition(" ")[2] + behind.partition(" ")[0]
    is_key = len(key) >= _KEY_CHARACTERS_MIN and (key.isupper() or _DIGIT.search(key))
    return bool(is_key) or digits >= _DIGITS_MIN


def _may_be_address(before: str, behind: str, gap: str) -> bool:
    """Not a whole address on the second line, below a name, nor a decorator in code."""
    if "@" in before:
        return before[0] != "@"
    is_local_part = behind[0] in "._-" or bool(_OF_LOCAL_PART.search(before.rpartition(" ")[2]))
    return is_local_part and gap.count("\n") < 2


def _joined(source: View, values: Sequence[Sequence[_Cut]], joint: str, *, is_compact: bool) -> View:
    writer = Writer(source)
    for cuts in values:
        writer.copy(cuts[0].first, cuts[0].end)
        for cut in cuts:
            if joint:
                writer.add([Part(joint, cut.end, cut.start, 1, cut.start - cut.end)])
            writer.copy(cut.start, cut.last)
        writer.part()
    return writer.view(is_compact=is_compact)
