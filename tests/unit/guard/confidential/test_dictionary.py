from __future__ import annotations

import pytest

from gateway_ext.guard.confidential.dictionary import (
    TERM_CHARACTERS_MAX,
    Dictionary,
    DictionaryClassifier,
    DictionaryError,
    read_terms,
)


def test_terms_are_read_one_a_line() -> None:
    terms = read_terms("\ufeff# code names\n\n  Projekt   Adler \r\nC#x\n")
    assert [(term.line, term.text) for term in terms] == [(3, "Projekt Adler"), (4, "C#x")]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("# nothing\n\n", 1, "there is no term"),
        ("Adler\n--\n", 2, "fewer than 2 letters or digits"),
        ("x", 1, "fewer than 2 letters or digits"),
        ("Adler\n" + "x" * (TERM_CHARACTERS_MAX + 1), 2, "register the text as a document"),
        (" ".join("abcdefghijklm"), 1, "12 words"),
        ("Adler\nFalke\nAdler", 3, "as in line 1"),
        ("Adler\nFal\ufffdke", 2, "save the file as UTF-8"),
        ("Adler\nFal\0ke", 2, "control characters"),
    ],
)
def test_a_faulty_line_is_named_but_not_quoted(text: str, line: int, words: str) -> None:
    with pytest.raises(DictionaryError, match=words) as caught:
        read_terms(text)
    assert caught.value.line == line
    assert "Adler" not in str(caught.value)


def test_terms_do_not_show_in_a_repr() -> None:
    assert "Adler" not in repr(Dictionary("names", read_terms("Adler")))


def test_each_dictionary_is_a_kind_with_its_own_options() -> None:
    classifier = DictionaryClassifier(
        [
            Dictionary("projects", read_terms("Projekt Adler\nFalke")),
            Dictionary("systems", read_terms("IRIS"), is_case_sensitive=True),
            Dictionary("jargon", read_terms("Schiene\nWeiche\nSignal"), terms_min=2),
        ]
    )
    assert [kind.name for kind in classifier.kinds] == [
        "dictionary_projects",
        "dictionary_systems",
        "dictionary_jargon",
    ]
    texts = ["Iris sah Falken", "IRIS und die Weiche, die Weichen", "", "Weiche und Signal"]
    found = [
        [(classifier.kinds[kind].name, text[span.start : span.end]) for kind, span in spans]
        for text, spans in zip(texts, classifier.spans(texts), strict=True)
    ]
    assert found == [
        [("dictionary_projects", "Falken")],
        [("dictionary_systems", "IRIS")],
        [],
        [("dictionary_jargon", "Weiche"), ("dictionary_jargon", "Signal")],
    ]


def test_equal_terms_have_equal_values() -> None:
    classifier = DictionaryClassifier([Dictionary("names", read_terms("Projekt Adler"))])
    [spans] = classifier.spans(["Projekt Adler, PROJEKTS-ADLER"])
    assert len({span.value for _, span in spans}) == 1
