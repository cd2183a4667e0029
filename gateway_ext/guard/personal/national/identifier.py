"""What is known of one national identifier, as a row of a table."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

# Parts of dates, for patterns.
DAY_MONTH = r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])"
MONTH_DAY = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"

_SIX_DIGITS = r"\d(?:[ ./-]?\d){5}"


@dataclass(frozen=True, slots=True)
class NationalIdentifier:
    """One kind of number.

    `shape` are all forms in which it is written, tried regardless of case; next to one of `words` a valid number in
    any of them counts. Without a word only those written like `alone` (case matters) count, and only if they also pass
    `is_sure`: by chance, at most one in a hundred numbers printed like that may, one in a thousand of bare digits.
    A number without `alone` never counts without a word: one in eleven, or more, of all numbers of its length is valid.

    `words` are as ContextWords takes them. What the prefilter looks for near them is `hint`, which is in every
    number of this `shape`; instead of numbers like `alone` it may look for `alone_hint`, a part of every such number.

    `is_valid` and `is_sure` are given the normal form: capitals, without the characters in `gaps`.
    """

    name: str
    shape: str
    is_valid: Callable[[str], bool]
    words: str = ""
    alone: str = ""
    is_sure: Callable[[str], bool] = bool
    gaps: str = " .-/"
    reads_compact: bool = False
    confidence: float = 0.95
    hint: str = _SIX_DIGITS
    alone_hint: str = ""


def digits(count: int, gap: str = " ") -> str:
    """`count` digits in any grouping by `gap`."""
    return rf"\d(?:{gap}?\d){{{count - 1}}}"


def is_date(year: int, month: int, day: int) -> bool:
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def is_day(yymmdd: str) -> bool:
    """Whether this is a date in the 20th or the 21st century."""
    year, month, day = int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:6])
    return is_date(1900 + year, month, day) or is_date(2000 + year, month, day)
