"""Cursors and links of lists in pages."""

from __future__ import annotations

import pytest

from gateway_ext.console.pagination import Wanted, link, page_of, read_cursor, write_cursor
from gateway_ext.console.problems import Invalid


@pytest.mark.parametrize("key", [(1_800_000_000, "abc"), ("person", "ada@example.eu", "terms"), ("é/?", 0)])
def test_a_cursor_comes_back_as_it_was(key: tuple[str | int, ...]) -> None:
    assert read_cursor(write_cursor(key)) == key


@pytest.mark.parametrize(
    "cursor", ["", "%", "!!!!", "eyJhIjoxfQ", "WzEuNV0", "W1tdXQ", "W3RydWVd", "W251bGxd", "x" * 1_001]
)
def test_what_somebody_made_up_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        read_cursor(cursor)


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Invalid):
        page_of([(1, "a"), (2, "b")], lambda each: each, Wanted(10, ("team", "a")))


def test_a_list_that_ends_with_its_page_leads_nowhere() -> None:
    assert page_of([1, 2], lambda each: (each,), Wanted(2)).next is None
    assert page_of([], lambda each: (each,), Wanted(2)) == page_of([1], lambda each: (each,), Wanted(2, (1,)))


def test_the_link_keeps_the_question() -> None:
    assert link("/x", {"state": "a b", "cursor": "old"}, "new") == {"Link": '</x?state=a+b&cursor=new>; rel="next"'}
    assert link("/x", {"state": "active"}, None) == {}
