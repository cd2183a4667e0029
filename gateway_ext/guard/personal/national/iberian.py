"""Spain and Portugal."""

from __future__ import annotations

from stdnum.es import dni, nie
from stdnum.es import nif as es_nif
from stdnum.pt import cc, nif

from gateway_ext.guard.personal.national.identifier import NationalIdentifier, digits


def _is_spanish_nif(number: str) -> bool:
    return bool(dni.is_valid(number) if number[0].isdigit() else es_nif.is_valid(number))


def _is_nss(number: str) -> bool:
    """Province, serial, both modulo 97 (Tesorería General de la Seguridad Social)."""
    province, serial = int(number[:2]), int(number[2:10])
    is_province = 1 <= province <= 53 or province == 66
    return is_province and (serial + province * (10**7 if serial < 10**7 else 10**8)) % 97 == int(number[10:])


def _is_niss(number: str) -> bool:
    """Eleven digits, the first 1 or 2, weighted with the primes from 29 down (Segurança Social)."""
    weights = (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)
    check = 9 - sum(weight * int(digit) for weight, digit in zip(weights, number[:10], strict=True)) % 10
    return number[0] in "12" and check == int(number[10])


def _has_civil_number(number: str) -> bool:
    """Whether the ninth digit of a Cartão de Cidadão proves the eight before it, modulo 11."""
    check = sum(weight * int(digit) for weight, digit in zip(range(9, 0, -1), number[:9], strict=True)) % 11
    return check == 0 or (check == 1 and number[8] == "0")


IDENTIFIERS = (
    NationalIdentifier(
        name="es_nif",
        shape=r"(?:\d{8}|\d{2}\.\d{3}\.\d{3}|[KLM] ?-?\d{7})[ -]{0,3}[A-Z]",
        is_valid=_is_spanish_nif,
        words="dni | nif | d n i | n i f | documento nacional | identificación fiscal | identidad | spanish",
        alone=r"\d{8}-[A-Z]|\d{2}\.\d{3}\.\d{3}[ -]{0,3}[A-Z]",
    ),
    NationalIdentifier(
        name="es_nie",
        shape=r"[XYZ][ -]?\d{7}[ -]?[A-Z]|[XYZ][ -]?\d\.\d{3}\.\d{3}[ -]?[A-Z]",
        is_valid=nie.is_valid,
        words="nie | nif | dni | n i e | d n i | n i f | extranjero | identificación fiscal | identidad | spanish",
        alone=r"[XYZ]-?\d{7}-?[A-Z]",
    ),
    NationalIdentifier(
        name="es_nss",
        shape=r"\d\d[ /-]?\d{8}[ /-]?\d\d|\d\d \d\d \d{6} \d\d",
        is_valid=_is_nss,
        words="seguridad social | nss | afiliación | naf | seguretat social",
    ),
    NationalIdentifier(
        name="pt_nif",
        shape=digits(9),
        is_valid=nif.is_valid,
        words="nif | n i f | contribuinte | identificação fiscal | portuguese tax",
    ),
    NationalIdentifier(
        name="pt_niss",
        shape=digits(11),
        is_valid=_is_niss,
        words="niss | segurança social",
    ),
    NationalIdentifier(
        name="pt_cartao_cidadao",
        shape=r"\d{8}[ -]?\d[ -]?[A-Z0-9]{2}\d",
        is_valid=cc.is_valid,
        words="cartão de cidadão | cartão do cidadão | cartão cidadão | cc | citizen card",
        alone=r"\d{8}[ -]?\d[ -]?[A-Z]{2}\d",
        is_sure=_has_civil_number,
    ),
)
