"""All readings of one text: as it is, folded, and with what is in disguise put into plain characters.

Full-width digits, a zero-width space inside a key, base64 or a value spelt out character by character hide a value from
patterns, but not from the model that reads it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.views import base64_runs, breaks, escapes, gaps, hexadecimal, homoglyphs, smuggling
from gateway_ext.guard.views.folding import folded, is_common, is_folded
from gateway_ext.guard.views.long_runs import may_hold_text
from gateway_ext.guard.views.offsets import View, pieces_max
from gateway_ext.guard.views.signs import Disguise

__all__ = ["View", "has_views", "views"]

DEPTH_MAX = 3  # disguises inside disguises
CHARACTERS_RATIO_MAX = 4  # of all further readings to the text
PIECES_RATIO_MAX = 2
CHARACTERS_FREE = 64 * 1024

DISGUISES: Sequence[Disguise] = (
    Disguise(
        (f"{escapes.HINT}|{hexadecimal.HINT}",),  # one search for all, as they are rare
        (escapes.SIGNS, escapes.read),
        (hexadecimal.SIGNS, hexadecimal.read),
        (hexadecimal.GROUPED_SIGNS, hexadecimal.read_grouped),
        is_in_runs=True,
    ),
    Disguise(base64_runs.HINTS, (base64_runs.SIGNS, base64_runs.read), is_in_runs=True),
    Disguise(gaps.SPACED_HINTS, (gaps.SPACED_SIGNS, gaps.read_spaced)),
    Disguise(breaks.HINTS, (breaks.SIGNS, breaks.read), is_in_tables=True),
    Disguise(homoglyphs.HINTS, (homoglyphs.SIGNS, homoglyphs.read), is_foreign=True),
    Disguise(gaps.GROUPED_HINTS, (gaps.GROUPED_SIGNS, gaps.read_grouped), is_foreign=True, is_unfolded=True),
    Disguise(smuggling.HINTS, (smuggling.SIGNS, smuggling.read), is_foreign=True, is_unfolded=True),
)


def has_views(text: str, data: bytes | None = None) -> bool:
    """Whether `views` yields more than the text itself, or raises. Of a long text told without reading it, if in doubt yes.

    Of texts joined by line ends it is true if it is of any one of them. `data` is the text in UTF-8, if it is at hand.
    """
    view = View(text)
    data = text.encode("utf-8", "replace") if data is None else data
    if len(text) > CHARACTERS_FREE:
        common = is_common(text, data)
        return not is_folded(text, data) or any(one.has_signs(view) for one in _hinted_at(data, common))
    try:
        return next(_read(view, data), None) is not None
    except TooManyCandidates:
        return True


def views(text: str) -> Iterator[View]:
    """The text itself and its further readings.

    Raises TooManyCandidates when they hold more than CHARACTERS_RATIO_MAX times as much as the text, or their maps of
    offsets would fill the memory.
    """
    room = CHARACTERS_RATIO_MAX * len(text) + CHARACTERS_FREE
    pieces_room = PIECES_RATIO_MAX * pieces_max(text)
    waiting = deque([View(text)])
    while waiting:
        view = waiting.popleft()
        yield view
        for further in _read(view, view.text.encode("utf-8", "replace")):
            room -= len(further.text)
            pieces_room -= len(further.pieces)
            if room < 0 or pieces_room < 0:
                raise TooManyCandidates
            waiting.append(further)


def _read(view: View, data: bytes) -> Iterator[View]:
    """What can be read in `view`, also given in UTF-8, one step on. What has to be folded is read on in its folded form."""
    common = is_common(view.text, data)
    is_plain = common or is_folded(view.text, data)
    if not is_plain:
        yield folded(view)
    if view.depth == DEPTH_MAX:
        return
    for disguise in _hinted_at(data, common):
        if disguise.is_unfolded or is_plain:
            yield from disguise.read(view)


def _hinted_at(data: bytes, common: bool) -> Iterator[Disguise]:
    """The disguises that a text in UTF-8 may hold; `common`: all its characters are."""
    has_runs = may_hold_text(data)
    for disguise in DISGUISES:
        if not (disguise.is_foreign and common) and ((has_runs and disguise.is_in_runs) or disguise.is_hinted_at(data)):
            yield disguise
