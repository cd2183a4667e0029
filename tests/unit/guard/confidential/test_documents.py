from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

from gateway_ext.guard.confidential.documents import DocumentClassifier, RegisteredDocument
from gateway_ext.guard.confidential.shingles import Shingler
from tests.unit.guard.confidential.writing import prose

SHINGLER = Shingler(b"k" * 32)
TEXTS = [prose(seed) for seed in range(30)]


def registered(texts: list[str]) -> DocumentClassifier:
    documents = [RegisteredDocument(str(n), "", 0, SHINGLER.winnowed(text)[1]) for n, text in enumerate(texts)]
    return DocumentClassifier(documents, SHINGLER)


CLASSIFIER = registered(TEXTS)

CHANGES: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "upper case": str.upper,
    "re-flowed": lambda text: re.sub(r"\s+", "\r\n\t", text),
    "quoted": lambda text: "> " + text.replace(" ", "\n> ", 9),
    "punctuation": lambda text: re.sub("[.;:]", " –", text).title(),
    "no diacritics": lambda text: text.translate(str.maketrans("éüñ", "eun")),
    "soft hyphens": "\u00ad".join,
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_excerpt_of_400_characters_is_found(change: str) -> None:
    chosen = random.Random(change)
    for _ in range(60):
        number = chosen.randrange(len(TEXTS))
        start = chosen.randrange(len(TEXTS[number]) - 400)
        excerpt = CHANGES[change](TEXTS[number][start : start + 400])
        text = f"Summarise this, please: {excerpt}\nThank you."
        [[(kind, span)]] = CLASSIFIER.spans([text])
        assert CLASSIFIER.kinds[kind].name == "registered_document"
        assert span.value == str(number)
        assert span.start >= 20
        assert span.end <= len(text) - 8
        assert span.end - span.start > 0.7 * len(excerpt)
        assert span.confidence > 0.8


def test_other_texts_are_not_found() -> None:
    others = [prose(seed) for seed in range(100, 130)] + ["", "x" * 5000, "0123456789" * 500, "\n" * 5000]
    assert CLASSIFIER.spans(others) == [[] for _ in others]


def test_many_texts_are_each_judged_alone() -> None:
    lines = TEXTS[3].split(". ")
    found = CLASSIFIER.spans(["Hello", TEXTS[3][:500], *lines, TEXTS[4][100:600]])
    assert [bool(spans) for spans in found[:2]] == [False, True]
    assert [span.value for _, span in found[-1]] == ["4"]
    assert 0 <= found[1][0][1].start < found[1][0][1].end <= 500


def test_an_excerpt_of_two_documents_is_two_findings() -> None:
    [spans] = CLASSIFIER.spans([TEXTS[1][:900] + prose(200) + TEXTS[2][:700]])
    assert [span.value for _, span in spans] == ["1", "2"]


def test_versions_of_a_document_are_one_finding() -> None:
    classifier = registered([TEXTS[0], TEXTS[0] + TEXTS[1], TEXTS[1] + TEXTS[0]])
    [spans] = classifier.spans([TEXTS[0][200:900]])
    assert len(spans) == 1


def test_scattered_or_few_shingles_are_worth_less() -> None:
    parts = [TEXTS[5][at : at + 130] for at in (0, 2000, 4000)]
    [[(_, scattered)]] = CLASSIFIER.spans([prose(300, 3000).join(parts)])
    [[(_, short)]] = CLASSIFIER.spans([TEXTS[5][:160]])
    [[(_, whole)]] = CLASSIFIER.spans([TEXTS[5]])
    assert scattered.confidence < 0.8
    assert short.confidence < 0.9
    assert whole.confidence > 0.95


def test_nothing_registered_nothing_found() -> None:
    assert registered([]).spans(["text", ""]) == [[], []]
    assert registered(["too short"]).spans([TEXTS[0]]) == [[]]
