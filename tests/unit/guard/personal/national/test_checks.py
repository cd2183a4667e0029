"""Check digits worked out here, on numbers that the authorities or common usage give as examples."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from stdnum.fr import nir

Found = Callable[[str, str], list[str]]


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("lu_matricule", "", "1893120105732"),
        ("lu_matricule", "", "1893 12 01 057 32"),
        ("de_rvnr", "", "65 170839 J 003"),
        ("de_rvnr", "RVNR", "65170839j003"),
        ("hu_taj", "TAJ", "111 111 110"),
        ("hu_adoazonosito", "adóazonosító jel", "8071592153"),
        ("es_nss", "Seguridad Social", "28 12345678 40"),
        ("at_sozialversicherungsnummer", "SVNR", "1237 010180"),
        ("se_personnummer", "", "640823-3234"),
        ("se_personnummer", "samordningsnummer", "701063-2391"),
        ("dk_cpr", "CPR", "211062-5629"),
        ("no_fodselsnummer", "", "15108695088"),
        ("gr_amka", "ΑΜΚΑ", "01013099997"),
        ("cy_tic", "ΑΦΤ", "10259033P"),
        ("pt_cartao_cidadao", "", "00000000 0 ZZ4"),
        ("gb_nino", "", "AB 12 34 56 C"),
        ("gb_nino", "National Insurance", "ab123456c"),
    ],
)
def test_known_numbers(name: str, word: str, value: str, found: Found) -> None:
    assert found(name, f"{word} {value}") == [value]


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("lu_matricule", "matricule", "1893120105742"),
        ("lu_matricule", "matricule", "1893120105733"),
        ("lu_matricule", "matricule", "1893130105732"),
        ("de_rvnr", "RVNR", "65170839J004"),
        ("de_rvnr", "RVNR", "65171339J003"),
        ("hu_taj", "TAJ", "111111111"),
        ("hu_taj", "TAJ", "000000000"),
        ("hu_adoazonosito", "adóazonosító jel", "8071592154"),
        ("es_nss", "Seguridad Social", "28 12345678 41"),
        ("at_sozialversicherungsnummer", "SVNR", "1238 010180"),
        ("se_personnummer", "personnummer", "640823-3235"),
        ("se_personnummer", "samordningsnummer", "701099-2391"),
        ("dk_cpr", "CPR", "311162-5629"),
        ("gb_nino", "NINO", "GB123456C"),
        ("gb_nino", "NINO", "DA123456C"),
    ],
)
def test_wrong_numbers(name: str, word: str, value: str, found: Found) -> None:
    assert found(name, f"{word} {value}") == []


def nir_with_key(first_13: str) -> str:
    return first_13 + str(nir.calc_check_digits(first_13))


@pytest.mark.parametrize("first_13", ["1850578006084", "2951099126111", "199072A004012", "287122B033045"])
def test_nirs_in_print_and_compact(first_13: str, found: Found) -> None:
    whole = nir_with_key(first_13)
    for form in (whole, nir.format(whole), nir.format(whole, "."), whole.lower()):
        for frame in ("{}", "x {} y", "({})", "Voilà : {}.", "a\t{}\tb", "« {} », merci", "{}; {}"):
            assert set(found("fr_nir", frame.format(form, form))) == {form}
    wrong = whole[:13] + f"{int(whole[13:]) % 97 + 1:02}"
    assert found("fr_nir", f"NIR {wrong}") == []


@pytest.mark.parametrize("first_13", ["1513399123456", "7850578006084"])
def test_rare_nirs(first_13: str, found: Found) -> None:
    whole = nir_with_key(first_13)
    assert found("fr_nir", nir.format(whole)) == [nir.format(whole)]
    assert found("fr_nir", f"sécurité sociale {whole}") == [whole]


@pytest.mark.parametrize(
    "text",
    [
        nir_with_key("1851578006084"),
        "9" + nir_with_key("1850578006084"),
        nir_with_key("1850578006084") + "0",
        "5850578006084 12",
    ],
)
def test_not_nirs(text: str, found: Found) -> None:
    assert found("fr_nir", text) == []
