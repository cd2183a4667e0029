"""The European set is complete, repeatable, and says truly what is valid."""

from __future__ import annotations

from itertools import islice
from random import Random

import phonenumbers
import pytest
from stdnum import iban

from benchmarks.guard.accuracy_report import WITHOUT_CHECK_DIGIT
from benchmarks.guard.european_frames import FRAMES, NUMBER_NAMES
from benchmarks.guard.european_labels import COUNTRY_LANGUAGES, IDENTIFIER_LABELS, LABELS
from benchmarks.guard.european_set import LANGUAGES, kinds, samples
from benchmarks.guard.european_values import IBAN_COUNTRIES, iban_of, phone_of
from benchmarks.guard.identifier_table import TABLE
from benchmarks.guard.personal_words import REGION
from benchmarks.guard.scoring import is_also

OFFICIAL = set(LANGUAGES) - {"is", "no"}
SET = list(samples(seed=3, per_kind=2))


def test_every_language_and_every_identifier_has_its_words() -> None:
    assert len(OFFICIAL) == 24  # of the European Union
    assert set(LANGUAGES) == set(FRAMES) == set(NUMBER_NAMES) == set(LABELS) == set(REGION)
    assert set(IDENTIFIER_LABELS) == set(TABLE)
    assert {language for spoken in COUNTRY_LANGUAGES.values() for language in spoken} == set(LANGUAGES)
    assert all("{label}" in frame and "{value}" in frame for frames in FRAMES.values() for frame in frames)
    assert all(len(names.split(" | ")) == 6 for names in NUMBER_NAMES.values())


def test_every_identifier_is_written_about_where_it_is_issued() -> None:
    assert "de_steuer_id" in kinds("de")
    assert "cz_sk_rodne_cislo" in kinds("sk")
    assert "fi_hetu" in kinds("sv")
    assert "pl_pesel" not in kinds("de")
    assert set(TABLE) <= set(kinds("en"))


def test_the_same_seed_makes_the_same_set() -> None:
    assert list(islice(samples(seed=3, per_kind=2), 200)) == SET[:200]
    assert list(islice(samples(seed=4, per_kind=2), 200)) != SET[:200]


def test_all_kinds_in_all_languages_are_there_valid_and_not() -> None:
    expected = {(language, kind) for language in LANGUAGES for kind in kinds(language)}
    assert {(sample.language, sample.kind) for sample in SET if sample.is_valid} == expected
    assert {(sample.language, sample.kind) for sample in SET if not sample.is_valid} == expected


def test_values_stand_where_they_are_said_to() -> None:
    assert all(sample.value and "{" not in sample.text and sample.value == sample.value.strip() for sample in SET)


@pytest.mark.parametrize("kind", sorted({*TABLE, "iban", "payment_card", "vat_number"} - WITHOUT_CHECK_DIGIT))
def test_what_is_called_valid_is_and_a_near_miss_is_not(kind: str) -> None:
    of_kind = [sample for sample in SET if sample.kind == kind]
    assert of_kind
    for sample in of_kind:
        assert is_also(kind, sample.value) == sample.is_valid, sample.language


@pytest.mark.parametrize("country", IBAN_COUNTRIES)
def test_ibans_of_every_country_are_valid(country: str) -> None:
    value = iban_of(country, Random(country))
    number = "".join(character for character in value if character.isalnum()).upper()
    assert number.startswith(country)
    assert iban.is_valid(number, check_country=False)


@pytest.mark.parametrize("country", COUNTRY_LANGUAGES)
def test_phone_numbers_of_every_country_are_valid_in_both_forms(country: str) -> None:
    random = Random(country)
    drawn = [phone_of(country, random) for _ in range(12)]
    assert {is_international for _, is_international in drawn} == {True, False}
    for value, is_international in drawn:
        parsed = phonenumbers.parse(f"+{value[2:]}" if value.startswith("00") and is_international else value, country)
        assert phonenumbers.is_valid_number_for_region(parsed, country)
