"""Readings of a text: nothing is lost, and whatever is found in one can be put out in the original text."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Callable

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.views.folding import INVISIBLE, folded
from gateway_ext.guard.views.offsets import PARTING
from gateway_ext.guard.views.view import View, has_views, views

TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8"), st.sampled_from("ae1 \u0301\u0308\u200b\u00ad\u00a0ﬁ①ｶﾞ１Å각\u1100\u1161\u11a8")
    ),
    max_size=30,
)
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
DISGUISES: dict[str, Callable[[str], str]] = {
    "zero-width": "\u200b".join,
    "soft hyphen": "\u00ad".join,
    "full-width": lambda value: value.translate(FULL_WIDTH),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "unpadded base64": lambda value: base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    "hexadecimal": lambda value: value.encode().hex(),
    "grouped hexadecimal": lambda value: value.encode().hex(" "),
    "percent": lambda value: "".join(f"%{byte:02X}" for byte in value.encode()),
    "escapes": lambda value: "".join(f"\\u{ord(c):04x}" for c in value),
    "references": lambda value: "".join(f"&#{ord(c)};" for c in value),
    "tag characters": lambda value: "".join(chr(0xE0000 + ord(c)) for c in value),
    "spaced out": " ".join,
    "dashes between": "-".join,
    "line end inside": lambda value: f"{value[:9]}\n> {value[9:]}",
}
# Two characters of each kind are enough of a disguise for everything, and 20 are a key.
KEYS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=20).map("AKIA".__add__)
PIECES = st.one_of(
    TEXTS,
    st.builds(lambda disguise, key: DISGUISES[disguise](key), st.sampled_from(sorted(DISGUISES)), KEYS),
    st.sampled_from(
        ("word ", "\n", "12345\n6789 ", "%", "&#", "\\u", "U+0041 ", "0x41, ", "А", "О1 ", "=", "-", "a b c ")
    ),
)
MIXTURES = st.lists(PIECES, max_size=6).map("".join)


def all_views(text: str) -> list[View]:
    try:
        return list(views(text))
    except TooManyCandidates:
        return []


@given(TEXTS)
@example("e\u200b\u0301")
@example("ｶﾞﾞ")
def test_the_folded_view_is_nfkc_without_invisible_characters(text: str) -> None:
    assert folded(View(text)).text == unicodedata.normalize("NFKC", INVISIBLE.sub("", text))


@given(TEXTS)
def test_folded_characters_map_back_to_what_they_were_read_from(text: str) -> None:
    view = folded(View(text))
    for start in range(len(view.text)):
        low, high = view.original(start, start + 1)
        assert 0 <= low < high <= len(text)
        assert view.text[start] in unicodedata.normalize("NFKC", INVISIBLE.sub("", text[low:high]))
    if view.text:
        low, high = view.original(0, len(view.text))
        assert not INVISIBLE.sub("", text[:low] + text[high:])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MIXTURES)
def test_the_map_of_offsets_is_total_and_in_order(text: str) -> None:
    for view in all_views(text):
        start = 0
        for excerpt in view.text.split(PARTING):
            reached = (0, 0)
            for position in range(start, start + len(excerpt)):
                low, high = view.original(position, position + 1)
                assert 0 <= low <= high <= len(text)
                assert low < high or view.text[position] in PARTING  # a rest of a mark that an excerpt cut
                assert reached[0] <= low
                assert reached[1] <= high
                reached = low, high
            start += len(excerpt) + len(PARTING)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MIXTURES, MIXTURES)
def test_texts_joined_have_views_if_one_of_them_has(first: str, second: str) -> None:
    if has_views(first) or has_views(second):
        assert has_views(f"{first}\n{second}")


@settings(max_examples=100, deadline=None)
@given(MIXTURES)
def test_has_views_tells_whether_there_are_any(text: str) -> None:
    assert has_views(text) == (len(all_views(text)) != 1)


@settings(max_examples=100, deadline=None)
@given(KEYS, st.sampled_from(sorted(DISGUISES)), st.sampled_from(("", "see (", "Grüße: ", "x\n")), st.booleans())
def test_a_disguised_key_is_read_and_can_be_put_out(key: str, disguise: str, before: str, is_last: bool) -> None:
    disguised = DISGUISES[disguise](key)
    behind = "" if is_last else ", please"
    text = before + disguised + behind
    view = next(view for view in views(text) if key in view.text)
    start, end = view.original(view.text.index(key), view.text.index(key) + len(key))
    assert text[start:end].strip("\u200b\u00ad=") == disguised.strip("\u200b\u00ad=")
    redacted = f"{text[:start]}[redacted]{text[end:]}"
    assert not any(key in view.text or key[:8] in view.text for view in views(redacted))


@given(st.text("abcdefghijklmnop \n", max_size=200))
def test_plain_words_have_one_view(text: str) -> None:
    words = " ".join(word * 2 for word in text.split(" "))
    if not any(len(word) > 12 for word in words.split()):
        assert [view.text for view in views(words)] == [words]
