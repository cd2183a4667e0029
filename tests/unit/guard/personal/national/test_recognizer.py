"""What the words around a number, and what it stands next to, decide."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway_ext.guard.personal.national.table import recognizers

Found = Callable[[str, str], list[str]]

RECOGNIZERS = recognizers()
BSN, OTHER_BSN = "111222333", "123456782"


@pytest.mark.parametrize(
    "text",
    [
        f"BSN: {BSN}",
        f"bsn_{BSN}",
        f"BSN{BSN}",
        f"het burgerservicenummer van mevrouw De Vries is {BSN}.",
        f"BURGERSERVICENUMMER ({BSN})",
        f"{BSN} (BSN)",
        f"{BSN} is my BSN",
        f'{{"bsn": "{BSN}", "city": "Utrecht"}}',
        f"tel. 0201234567; BSN {BSN}",
    ],
)
def test_a_word_before_or_behind(text: str, found: Found) -> None:
    assert found("nl_bsn", text) == [BSN]


@pytest.mark.parametrize(
    "text",
    [
        BSN,
        f"order {BSN}",
        f"BSN\n{BSN}",
        f"BSN {'x' * 60} {BSN}",
        f"xbsnx {BSN}",
        f"BSN {BSN}4",
        f"BSN 9{BSN}",
        f"BSN 1.{BSN}",
        f"BSN {BSN}.50",
        f"BSN {BSN}-1",
        f"BSN 111222334, tel. {BSN}",
        f"{BSN}, BSN: 111222334",
        f"BSN 0x{BSN}f",
    ],
)
def test_no_word_or_no_number(text: str, found: Found) -> None:
    assert found("nl_bsn", text) == []


def test_a_word_speaks_for_a_list(found: Found) -> None:
    assert found("nl_bsn", f"BSN's: {BSN}, {OTHER_BSN} en {BSN}") == [BSN, OTHER_BSN, BSN]
    assert found("nl_bsn", f"BSN: {BSN}, order {OTHER_BSN}") == [BSN]


def test_a_phone_behind_a_tax_number_is_none(found: Found) -> None:
    assert found("pt_nif", "NIF 123456789, telefone 911234562") == ["123456789"]
    assert found("pt_nif", "NIF 123 456 789, telefone 911 234 562") == ["123 456 789"]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("cz_sk_rodne_cislo", "rodné číslo"),
        ("cz_sk_rodne_cislo", "RODNE CISLO"),
        ("cz_sk_rodne_cislo", "rodného čísla"),
        ("cz_sk_rodne_cislo", "rodne_cislo"),
    ],
)
def test_words_in_any_case_and_without_diacritics(name: str, word: str, found: Found) -> None:
    assert found(name, f"{word}: 7103192745") == ["7103192745"]


@pytest.mark.parametrize(
    "text",
    [
        "PL61 1090 1014 0000 0712 1981 2874",
        "DE89 3704 0044 0532 0130 00",
        "FR14 2004 1010 0505 0001 3M02 606",
        "GR16 0110 1250 0000 0001 2300 695",
        "RO49 AAAA 1B31 0075 9384 0000",
        "BE68 5390 0754 7034",
        "NO93 8601 1117 947",
        "4111 1111 1111 1111",
        "3782 822463 10005",
        "378282246310005",
        "+48 512 345 678",
        "+351 911 234 562",
        "06 12 34 56 78",
        "2024-03-15T10:15:42Z",
        "20240315-1230",
        "202403151230",
        "240315-1230",
        "1709540142118",
        "4006381333931",
        "9fceb02d0ae598e95dc970b74767f19372d61af8",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "0.44051401359",
        "192.168.100.200",
    ],
)
def test_accounts_cards_phones_and_times_are_nobodys_number(text: str, found: Found) -> None:
    for recognizer in RECOGNIZERS:
        for frame in ("{}", "x {} y", "id={}"):
            assert found(recognizer.identifier.name, frame.format(text)) == []


def test_a_timestamp_is_a_number_only_beside_the_word(found: Found) -> None:
    assert found("se_personnummer", "20240315-1232") == []
    assert found("se_personnummer", "personnummer 20240315-1232") == ["20240315-1232"]


@pytest.mark.parametrize(
    ("name", "value", "normal"),
    [
        ("be_rijksregisternummer", "85.07.30-033.28", "85073003328"),
        ("fr_nir", "1 99 07 2a 004 012 65", "199072A00401265"),
        ("it_codice_fiscale", "rss mra 85t10 a562s", "RSSMRA85T10A562S"),
        ("fi_hetu", "131052-308t", "131052-308T"),
        ("se_personnummer", "640823-3234", "6408233234"),
        ("vat_number", "NL 1234.56.782 B 90", "NL123456782B90"),
    ],
)
def test_normal_forms(name: str, value: str, normal: str) -> None:
    (recognizer,) = (one for one in RECOGNIZERS if one.identifier.name == name)
    assert recognizer.normalized(value) == normal
