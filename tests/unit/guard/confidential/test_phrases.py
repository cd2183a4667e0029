from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.guard.confidential import phrases
from gateway_ext.guard.confidential.phrases import PhraseIndex, phrase
from gateway_ext.guard.detector import TooManyCandidates


def found(term: str, text: str, *, is_case_sensitive: bool = False, is_inflected: bool = True) -> list[str]:
    index = PhraseIndex([phrase(term, is_case_sensitive=is_case_sensitive, is_inflected=is_inflected)])
    return [text[match.start : match.end] for match in index.matches(["before", text, "after"])]


@pytest.mark.parametrize(
    ("term", "text", "expected"),
    [
        ("Projekt Adler", "Der PROJEKT-ADLER läuft", ["PROJEKT-ADLER"]),
        ("Projekt Adler", "des Projekts\n    Adlers.", ["Projekts\n    Adlers"]),
        ("Projekt Adler", "im Projekt. Adler kreisen", []),
        ("Projekt Adler", "Projektadler", []),
        ("Projekt Adler", "projekt_adler", ["projekt_adler"]),
        ("Adler", "Adlern, Adlers; Adlerauge", ["Adlern", "Adlers"]),
        ("Adler", "Seeadler adler2 2adler", []),
        ("Iris", "Iriss", []),  # four letters take no ending
        ("Förderband", "FORDERBÄNDER", ["FORDERBÄNDER"]),
        ("Zakład", "zakładów zaklad", ["zakładów", "zaklad"]),
        ("Straße", "STRASSE strasse Straßen", ["STRASSE", "strasse", "Straßen"]),
        ("Nordstrasse 5", "Nordstraße 5", ["Nordstraße 5"]),
        ("œuvre", "Oeuvres", ["Oeuvres"]),
        ("Восток", "ВОСТОКА восточный", ["ВОСТОКА"]),
        ("Αθήνα", "ΑΘΗΝΑ", ["ΑΘΗΝΑ"]),
        ("AT&T", "AT&T und B&T", ["AT&T"]),
        ("Dr. Oetker", "Dr. Oetkers", ["Dr. Oetkers"]),
        ("Kiel-Ost 17", "KIEL–OST 17, Kiel-Ost 170", ["KIEL–OST 17"]),
    ],
)
def test_phrases_in_their_forms(term: str, text: str, expected: list[str]) -> None:
    assert found(term, text) == expected


def test_case_counts_where_asked_for() -> None:
    assert found("IRIS", "Iris iris IRIS ÍRIS", is_case_sensitive=True) == ["IRIS"]
    assert found("Große Lösung", "große Lösung, Große Lösung", is_case_sensitive=True) == ["Große Lösung"]


def test_endings_can_be_off() -> None:
    assert found("Adler", "Adlers Adler", is_inflected=False) == ["Adler"]


def test_letters_that_share_a_byte_are_told_apart() -> None:
    assert found("βββββ", "".join(chr(0x400 + (ord("β") & 0x7F)) for _ in range(5))) == []


def test_a_phrase_does_not_reach_over_two_texts() -> None:
    index = PhraseIndex([phrase("Projekt Adler")])
    assert index.matches(["Projekt", "Adler"]) == []


def test_a_phrase_needs_letters() -> None:
    with pytest.raises(ValueError, match="letter or a digit"):
        phrase("---")


def test_phrases_of_one_form_are_searched_by_what_differs() -> None:
    index = PhraseIndex([phrase(f"Projekt {number}") for number in range(5000)])
    assert [match.phrase for match in index.matches(["Projekt 4711, Projekt 5000"])] == [4711]


def test_more_candidates_than_will_be_looked_at_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrases, "GUARD_CANDIDATES_MAX", 10)
    with pytest.raises(TooManyCandidates):
        PhraseIndex([phrase("adler")]).matches(["adler " * 11])


WORDS = st.text(alphabet="aeßöłж1", min_size=1, max_size=6)


@settings(max_examples=200)
@given(
    st.lists(WORDS, min_size=1, max_size=3),
    st.sampled_from([" ", "-", "\n", " - "]),
    st.text(alphabet="aö -\n", max_size=20),
)
def test_a_phrase_is_found_whatever_stands_around_it(words: list[str], gap: str, around: str) -> None:
    text = f"{around} {gap.join(words).upper().replace('SS', 'ß')} {around}"
    index = PhraseIndex([phrase(" ".join(words))])
    start = len(around) + 1
    assert any(match.start == start and match.end == len(text) - start for match in index.matches([text]))
