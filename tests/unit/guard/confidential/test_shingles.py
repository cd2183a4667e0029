from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.guard.confidential import shingles
from gateway_ext.guard.confidential.fold import folded
from gateway_ext.guard.confidential.shingles import WINDOW, K, Shingler, normalized, offsets
from tests.unit.guard.confidential.writing import prose

SHINGLER = Shingler(b"k" * 32)


def hashes(text: str, shingler: Shingler = SHINGLER) -> list[int]:
    return [int(each) for _, piece in shingler.hashes(normalized(folded(text))) for each in piece]


def test_equal_shingles_have_equal_hashes_wherever_they_stand() -> None:
    text = prose(1, 500)
    letters = normalized(folded(text))
    assert hashes(text) == [
        hashes(letters[at : at + K].decode("latin-1"))[0] for at in range(len(letters) - K + 1)
    ] or (not letters.isascii())
    assert hashes("xyz" + text)[3:] == hashes(text)


def test_pieces_join_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    text = prose(2, 3000)
    whole = hashes(text)
    monkeypatch.setattr(shingles, "_PIECE", 64)
    assert hashes(text, Shingler(b"k" * 32)) == whole
    assert len(set(whole)) == len(whole)


def test_layout_case_and_punctuation_do_not_matter() -> None:
    assert hashes(prose(3, 300)) == hashes(prose(3, 300).upper().replace(" ", "\n> ").replace(".", " –"))


def test_another_key_has_other_hashes_and_digests() -> None:
    other = Shingler(b"o" * 32)
    assert not set(hashes(prose(4))) & set(hashes(prose(4), other))
    some = np.arange(5, dtype=np.uint64)
    assert not set(SHINGLER.digests(some)) & set(other.digests(some))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 400), st.integers(WINDOW + K - 1, 200))
def test_every_window_of_a_document_keeps_a_shingle(start: int, length: int) -> None:
    letters, kept = SHINGLER.winnowed(prose(5, 800))
    start = min(start, len(letters) - length)
    part = next(SHINGLER.hashes(letters[start : start + length]))[1]
    assert np.isin(SHINGLER.digests(part), kept.digests).any()


def test_few_shingles_are_kept() -> None:
    letters, kept = SHINGLER.winnowed(prose(6, 20_000))
    assert len(kept.digests) == len(kept.bits) == len(set(kept.digests))
    assert len(kept.digests) == pytest.approx(2 / (WINDOW + 1) * len(letters), rel=0.15)


def test_a_short_text_has_none() -> None:
    assert len(SHINGLER.winnowed("x" * (K - 1))[1].digests) == 0
    assert len(SHINGLER.winnowed("x" * K)[1].digests) == 1


def test_offsets_point_to_the_letters() -> None:
    text = "Ä – b\n 7"
    assert [text[at] for at in offsets(folded(text))] == ["Ä", "b", "7"]
