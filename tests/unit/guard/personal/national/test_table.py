"""Every identifier, on made-up numbers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.guard import identifiers as made
from gateway_ext.guard.personal.names import NATIONAL_IDENTIFIERS
from gateway_ext.guard.personal.national.table import IDENTIFIERS, recognizers

Found = Callable[[str, str], list[str]]

COUNT = 12
SENTENCES = (
    "{word}: {value}",
    "\u2022 {word} {value}, x",
    "{value} ({word})",
    '{{"{word}": "{value}"}}',
    "{word}\t{value}",
)
ALONE = {
    "ch_ahv", "de_rvnr", "fi_hetu", "fr_nir", "it_codice_fiscale", "lu_matricule", "no_fodselsnummer", "ro_cnp", "si_emso"
}  # fmt: skip


def test_the_table_is_what_policy_knows() -> None:
    names = [identifier.name for identifier in IDENTIFIERS]
    assert tuple(names) == NATIONAL_IDENTIFIERS
    assert set(made.NAMES) == set(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", made.NAMES)
def test_valid_numbers_are_found_beside_their_names(name: str, found: Found) -> None:
    source = random.Random(name)
    for _ in range(COUNT):
        value = made.valid(name, source)
        for word in made.WORDS[name]:
            for spelled in (word, word.upper(), word.lower()):
                for sentence in SENTENCES:
                    text = sentence.format(word=spelled, value=value)
                    assert found(name, text) == [value], text


@pytest.mark.parametrize("name", made.NAMES)
def test_near_misses_are_not_found_even_beside_names(name: str, found: Found) -> None:
    source = random.Random(name)
    for _ in range(4 * COUNT):
        value = made.near_miss(name, source)
        for word in made.WORDS[name]:
            text = f"{word}: {value}"
            assert found(name, text) == [], text


@pytest.mark.parametrize("name", made.NAMES)
def test_only_numbers_that_prove_themselves_stand_alone(name: str, found: Found) -> None:
    source = random.Random(name)
    values = [made.valid(name, source) for _ in range(COUNT)]
    alone = [value for value in values if found(name, f"x {value} y")]
    if name in ALONE:
        assert alone == values
    assert not [value for value in alone if re.fullmatch(r"\d{7,12}", value)] or name in ALONE


@pytest.mark.parametrize("country", made.VAT_COUNTRIES)
def test_vat_numbers_of_all_countries(country: str, found: Found) -> None:
    source = random.Random(country)
    for _ in range(COUNT):
        value = made.valid_vat(country, source)
        for text in (f"{value}, {value}", f"({value})", f"VAT no. {value.lower()}"):
            assert {one.upper() for one in found("vat_number", text)} == {value}, text


RECOGNIZERS = recognizers()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_text_makes_a_recognizer_fail(data: st.DataObject) -> None:
    recognizer = data.draw(st.sampled_from(RECOGNIZERS))
    number = data.draw(st.from_regex(re.compile(rf"\A(?:{recognizer.identifier.shape})\Z", re.ASCII | re.IGNORECASE)))
    word = recognizer.identifier.words.split("|")[0]
    for start, end, confidence in recognizer.candidates(f"{word} {number}"):
        assert 0 <= start < end
        assert 0 < confidence <= 1
