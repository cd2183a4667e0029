"""Which end of a growing text may still become a value, or a part of one.

A word may until it is finished. Groups (digits, single characters, capitals, pieces of a key) may until a finished
word shows that no further group follows. A quoted value may until its quote is closed, if something announces it; and
what an opening begins, for as long as that says. Only new characters are read, so the cost is linear.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gateway_ext.guard.stream.addresses import Addresses
from gateway_ext.guard.stream.holding import Holding
from gateway_ext.guard.stream.opened import Opened
from gateway_ext.guard.stream.plain import plain

WORD_CHARACTERS_MAX = 4096  # a longer word is let go of piece by piece
OVERLAP_CHARACTERS = 512  # of which this much stays, so that no value up to this length is cut
RUN_CHARACTERS_MAX = 512  # of groups
QUOTED_CHARACTERS_MAX = 512
QUOTES = "\"'`\uff02\uff07\uff40"
_QUOTE = re.compile(f"[{QUOTES}]")

_IDEOGRAPHIC_CHARACTERS_MAX = 64  # scripts without spaces: the longest local part of an e-mail address

# No value goes on over these marks, if nothing has announced it. The quote ' is also an apostrophe.
_MARK = '[",;{}|`\uff02\uff07\uff40\uff5b\uff5c\uff5d\u201c\u201d\u201e\u00ab\u00bb\u3001\u3002\uff01\uff0c\uff1b\uff1f\u300c\u300d]'
_GAP = re.compile(rf"(?:\s|{_MARK}|(?<!\w)'|'(?!\w))+")
_SPACE = re.compile(r"\s")
_SPACE_OR_QUOTE = re.compile(rf"[\s{QUOTES}]")
_COMPARED = re.compile(r"[^\"'`\s]{1,512}[\"'`]\s{0,16}(?:[!=]{1,3}\s{0,16}\w*)?\Z")
_ANNOUNCES = re.compile("\\w[\\])]*[=:\uff1d\uff1a]")
# In the gap between two groups: they are not of one value. Lines may be quoted (>, |).
_BREAKS = re.compile(r"[^\s|]|^[^\n]*\||[\s|]{49}")
# Over a line end or a no-break space any word may go on.
_JOINS = re.compile("[\n-\r\x85\u2028\u2029\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")

_GROUP = re.compile(
    r".*\d"  # has a digit
    r"|(?:.*[^\w'’])?.\Z"  # one character, perhaps glued to another value
    r"|(?!be|de|da|ad)[a-f]{2}\Z"  # a byte
    r"|(?=.{6})(?:.*_|.*[a-z][A-Z]|.*[A-Z]{4}|(?=.{20}))"  # a piece of a key
)
_INITIALS_CHARACTERS_MAX = 5  # a country, an office
_BYTE = re.compile(r"[a-fA-F]{2}\Z")
_SHORT = re.compile(r"[A-Za-z]{1,4}\Z")
_LIKE_IBAN = re.compile(r"[A-Za-z]{2}\d\d")
# One of `4, 1, 1` or `0x41,0x4b`, with what is behind it.
_ELEMENT = re.compile(r"(?:[^\s,;|]|(?:0[xX])?[2-7][0-9A-Fa-f])[,;|\u3001\u3002]\s{0,3}\Z")
_SPELLED = re.compile(r"(?:\s{1,3}[^\w\s])+\s{1,3}")  # in `a , b`, each mark is a character of what is spelt out
_NUMBER_DIGITS_MIN = 6
_DIGIT = re.compile(r"\d")
_IDEOGRAPHS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]*")


class Tail:
    """Positions are counted from the beginning of the whole text.

    `is_announced(position, quote)` tells whether a value of several words would be one behind that opening quote.
    """

    def __init__(self, holding: Holding, is_announced: Callable[[int, str], bool]) -> None:
        self._holding = holding
        self._is_announced = is_announced
        self._read = 0  # up to here all is known
        self._word = 0  # start of the unfinished word
        self._word_before = 0  # start of the latest finished one
        self._word_end = 0  # and its end
        self._run: int | None = None  # start of the groups before the unfinished word
        self._quotes_read = 0
        self._quote: tuple[int, str] | None = None  # an announced value: where, and what closes it
        self._compared: int | None = None  # start of a quoted word that may be compared: "…" == password
        self._behind: list[tuple[int, int]] = []  # numbers: from where, and until when they are held
        self._opened = [Opened(opening) for opening in (*holding.openings, *holding.phrases)]
        self._addresses = Addresses() if holding.is_address else None

    def read(self, text: str, origin: int) -> int:
        """From where the text may still become a value. `text` is what is remembered of it, from `origin` on."""
        end = origin + len(text)
        if self._holding.is_quoted:
            self._read_quotes(text, origin)
        for gap in _GAP.finditer(text, self._read - origin):
            start, stop = gap.span()
            if stop == len(text) and not text[-1].isspace():
                stop -= 1  # what follows such a mark may matter
            if start < stop:
                self._finish_word(text, origin, start, stop)
        self._read = max(self._word, end - 1)
        self._let_go(text, origin, end)
        while self._behind and self._behind[0][1] <= end:
            del self._behind[0]
        live = [self._word, end]
        if self._run is not None:
            live.append(self._run)
        if self._quote is not None:
            live.append(self._quote[0])
        if self._compared is not None and self._may_be_compared(text, origin):
            live.append(self._compared)
        if self._behind:
            live.append(self._behind[0][0])
        if self._holding.phrase_characters:
            live.append(end - self._holding.phrase_characters)
        if self._addresses is not None:
            live.append(self._addresses.live(end))
        live += [opened.live(text, origin) for opened in self._opened if opened.held]
        return min(live)

    def _finish_word(self, text: str, origin: int, start: int, stop: int) -> None:
        """The gap `text[start:stop]` follows the unfinished word, or goes on behind a finished one."""
        word_start = self._word - origin
        if start > word_start:
            if not _SPACE_OR_QUOTE.search(text, start, stop) and _ANNOUNCES.search(text, word_start, start):
                return  # in password=a,b the mark may be part of the value
            self._classify(text, origin, start)
            is_quoted = word_start > 0 and text[start] in QUOTES and text[start] == text[word_start - 1]
            if is_quoted and self._holding.is_quoted:
                self._compared = self._word
            before, word = max(0, self._word_before - origin), text[word_start:stop]
            visible = plain(word)
            for opened in self._opened:
                opened.note(text, origin, before, word_start, stop)
                if visible != word:
                    opened.note_disguised(visible, self._word)
            if self._addresses is not None:
                self._addresses.note(text, origin, word_start, start)
            self._word_before = self._word
            self._word_end = start + origin
        gap = text[self._word_end - origin : stop]
        if gap != " ":
            self._judge_gap(text, origin, gap, stop)
        self._word = stop + origin

    def _judge_gap(self, text: str, origin: int, gap: str, stop: int) -> None:
        """Whether the latest word and the next one may be of one value."""
        if _BREAKS.search(gap):
            is_spelled = self._word_end - self._word_before == 1 and _SPELLED.fullmatch(gap)
            if self._run is not None and not is_spelled and not _ELEMENT.match(text, self._word_before - origin, stop):
                self._end_run(text, origin)
        elif self._run is None and _JOINS.search(gap):
            self._run = self._word_before
        if self._behind and "\n" in gap:
            self._behind.clear()

    def _classify(self, text: str, origin: int, end: int) -> None:
        """The unfinished word ends at `text[end]`: is it a group?"""
        word = plain(text[self._word - origin : end])
        is_like_initials = len(word) <= _INITIALS_CHARACTERS_MAX and word.isupper()
        if is_like_initials or _GROUP.match(word):
            self._run = self._word if self._run is None else self._run
        elif self._run is not None and not _BYTE.match(word):
            is_of_iban = _SHORT.match(word) and _LIKE_IBAN.match(text, self._run - origin)
            if not is_of_iban:
                self._end_run(text, origin)

    def _end_run(self, text: str, origin: int) -> None:
        assert self._run is not None
        start, end = self._run - origin, self._word_end - origin
        self._run = None
        is_number = self._holding.behind_characters and len(_DIGIT.findall(text, start, end)) >= _NUMBER_DIGITS_MIN
        if is_number and "\n" not in text[end : max(end, self._word - origin)]:
            self._behind.append((start + origin, end + origin + self._holding.behind_characters))

    def _let_go(self, text: str, origin: int, end: int) -> None:
        """Of what has become too long, all but an overlap."""
        if end - self._word > _IDEOGRAPHIC_CHARACTERS_MAX:
            ideographs = _IDEOGRAPHS.match(text, self._word - origin)
            ideographs_end = ideographs.end() + origin if ideographs else 0
            self._word = max(self._word, ideographs_end - _IDEOGRAPHIC_CHARACTERS_MAX)
        if end - self._word > WORD_CHARACTERS_MAX:
            self._word = end - OVERLAP_CHARACTERS
        if self._run is not None and end - self._run > RUN_CHARACTERS_MAX:
            space = _SPACE.search(text, end - RUN_CHARACTERS_MAX - origin)
            self._run = min(space.end() + origin, self._word) if space else self._word
        if self._quote is not None and end - self._quote[0] > QUOTED_CHARACTERS_MAX:
            self._quote = None

    def _read_quotes(self, text: str, origin: int) -> None:
        """Notes the last quote of the new text, if what stands behind it would be a value."""
        start = self._quotes_read - origin
        self._quotes_read = origin + len(text)
        if self._quote is None and _QUOTE.search(text, start) is None:
            return
        if self._quote is not None:
            closing = re.compile(rf"[\n{self._quote[1]}]").search(text, start)
            if closing is None:
                return
            self._quote, start = None, closing.end()
        line = max(start, text.rfind("\n", start) + 1)
        for quote in QUOTES:
            position = text.rfind(quote, line)
            is_apostrophe = quote == "'" and position > 0 and text[position - 1].isalpha()
            if position >= 0 and not is_apostrophe and self._is_announced(origin + position, quote):
                self._quote = (origin + position + 1, quote)
                return

    def _may_be_compared(self, text: str, origin: int) -> bool:
        assert self._compared is not None
        if _COMPARED.match(plain(text[self._compared - origin :])) is None:
            self._compared = None
        return self._compared is not None
