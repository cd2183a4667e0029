from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from gateway_ext.guard.views.folding import INVISIBLE
from gateway_ext.guard.views.view import folded, views

TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8"), st.sampled_from("ae1 \u0301\u0308\u200b\u00ad\u00a0ﬁ①ｶﾞ１Å각\u1100\u1161\u11a8")
    ),
    max_size=30,
)


@given(TEXTS)
@example("e\u200b\u0301")
@example("ｶﾞﾞ")
def test_the_folded_view_is_nfkc_without_invisible_characters(text: str) -> None:
    assert folded(text).text == unicodedata.normalize("NFKC", INVISIBLE.sub("", text))


@given(TEXTS)
def test_views_map_back_to_what_they_were_read_from(text: str) -> None:
    view = folded(text)
    for start in range(len(view.text)):
        low, high = view.original(start, start + 1)
        assert 0 <= low < high <= len(text)
        assert view.text[start] in unicodedata.normalize("NFKC", INVISIBLE.sub("", text[low:high]))
    if view.text:
        low, high = view.original(0, len(view.text))
        assert not INVISIBLE.sub("", text[:low] + text[high:])


@given(st.text(st.characters(codec="ascii")))
def test_ascii_has_one_view(text: str) -> None:
    assert [view.text for view in views(text)] == [text]
