"""Walking a list in pages sees each item that was there all the time exactly once, whatever comes and goes meanwhile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.console.pagination import Key, Wanted, page_of, read_cursor

KEYS = st.tuples(st.integers(0, 5), st.text(max_size=2))  # few times: several items have the same


def same(key: Key) -> Key:
    return key


@given(
    stay=st.sets(KEYS),
    others=st.lists(st.sets(KEYS), max_size=12),
    limit=st.integers(1, 4),
)
def test_no_loss_and_no_duplicate(stay: set[Key], others: list[set[Key]], limit: int) -> None:
    seen: list[Key] = []
    after: Key | None = None
    for step in range(10_000):
        there = stay | (others[step] if step < len(others) else set())
        page = page_of(there, same, Wanted(limit, after))
        assert len(page.items) <= limit
        seen += page.items
        if page.next is None:
            break
        after = read_cursor(page.next)
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen)
    assert stay <= set(seen)
