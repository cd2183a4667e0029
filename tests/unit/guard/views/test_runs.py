from __future__ import annotations

import re

from gateway_ext.guard.views.runs import runs_at

LETTERS = re.compile("[a-z]*")


def test_a_run_is_found_from_any_place_in_it() -> None:
    for position in (1, 2, 3):
        assert list(runs_at(LETTERS, "-abc-", [position])) == [(1, 4)]


def test_each_run_is_given_once_and_in_order() -> None:
    assert list(runs_at(LETTERS, "ab cd ef", [7, 0, 1, 6])) == [(0, 2), (6, 8)]


def test_nothing_where_there_is_no_run() -> None:
    assert not list(runs_at(LETTERS, "ab--cd", [3]))
