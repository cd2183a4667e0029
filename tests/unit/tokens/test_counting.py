from __future__ import annotations

from pathlib import Path

import pytest
import tiktoken_ext.openai_public as published

from gateway_ext.errors import ConfigurationError
from gateway_ext.tokens import vocabularies
from gateway_ext.tokens.counting import CUT_TOKENS, PIECE_CHARACTERS, count
from gateway_ext.tokens.vocabularies import VOCABULARIES, encoding

# OpenAI, Cookbook, "How to count tokens with tiktoken".
KNOWN = [
    ("o200k_base", "antidisestablishmentarianism", 6),
    ("cl100k_base", "antidisestablishmentarianism", 6),
    ("o200k_base", "2 + 2 = 4", 7),
    ("cl100k_base", "2 + 2 = 4", 7),
    ("o200k_base", "お誕生日おめでとう", 8),
    ("cl100k_base", "お誕生日おめでとう", 9),
]


@pytest.mark.parametrize(("vocabulary", "text", "tokens"), KNOWN)
def test_known_counts(vocabulary: str, text: str, tokens: int) -> None:
    assert count([text], vocabulary) == tokens
    assert count([text, text], vocabulary) == 2 * tokens


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_texts_are_cut_as_their_authors_cut_them(vocabulary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "load_tiktoken_bpe", lambda *_, expected_hash: {"hash": expected_hash})
    theirs = getattr(published, vocabulary)()
    assert theirs["pat_str"] == VOCABULARIES[vocabulary].pattern
    assert theirs["mergeable_ranks"] == {"hash": VOCABULARIES[vocabulary].sha256}


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_what_a_model_would_take_for_control_is_text(vocabulary: str) -> None:
    assert count(["<|endoftext|>"], vocabulary) > 1


@pytest.mark.parametrize(
    "text", ["", "\ud800", "a" * 3, "é" * 100_000, " " * 100_000, "aA1!" * 50_000, "\n\r" * 50_000]
)
def test_every_text_has_a_count(text: str) -> None:
    whole = len(encoding("o200k_base").encode_ordinary(text))
    cuts = len(text) // PIECE_CHARACTERS + 1
    assert whole <= count([text], "o200k_base") <= whole + 2 * CUT_TOKENS * cuts * (len(text) > PIECE_CHARACTERS)


def test_a_damaged_vocabulary_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    vocabularies.encoding.cache_clear()
    (tmp_path / "vocabularies").mkdir()
    (tmp_path / "vocabularies" / "o200k_base.tiktoken.xz").write_bytes(b"x")
    try:
        with pytest.raises(ConfigurationError, match="install gateway-ext anew"):
            encoding("o200k_base")
    finally:
        vocabularies.encoding.cache_clear()
