from __future__ import annotations

import re
from collections.abc import Sequence

from benchmarks.guard.splits import WAYS, Planted, split_scores
from gateway_ext.guard.cache import Match
from gateway_ext.guard.detector import Kind
from gateway_ext.guard.passages import BLOCK

CARD = "4111 1111 1111 1111"
TEXT = f"pay «{CARD}» now"
PLANTED = Planted(TEXT, "payment_card", TEXT.index(CARD), TEXT.index(CARD) + len(CARD))


def find(text: str) -> Sequence[Match]:
    kind = Kind("payment_card", "1", "personal")
    return [Match(kind, *match.span(), 1.0, "") for match in re.finditer(r"\d{4}(?: \d{4}){3}", text)]


def find_in_blocks(text: str) -> Sequence[Match]:
    """As a Guard would that reads a long line in blocks without overlap."""
    kind = Kind("payment_card", "1", "personal")
    return [
        Match(kind, start + match.start(), start + match.end(), 1.0, "")
        for start in range(0, len(text), BLOCK)
        for match in re.finditer(r"\d{4}(?: \d{4}){3}", text[start : start + BLOCK])
    ]


def test_a_value_is_cut_before_within_and_behind_every_character() -> None:
    scores = split_scores(find, [PLANTED])
    assert scores.keys() == WAYS.keys()
    assert {score.cuts for score in scores.values()} == {len(CARD) + 1}
    assert all(score.recall == 1.0 for score in scores.values())


def test_a_guard_that_loses_values_at_a_boundary_is_found_out() -> None:
    score = split_scores(find_in_blocks, [PLANTED])["two passages of a long line"]
    assert (score.cuts, score.found) == (len(CARD) + 1, 2)  # whole only if the cut is before or behind it


def test_values_that_are_not_found_whole_do_not_count() -> None:
    assert all(score.cuts == 0 for score in split_scores(lambda _text: [], [PLANTED]).values())
