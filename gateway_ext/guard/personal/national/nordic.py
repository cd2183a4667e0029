"""Sweden, Finland, Denmark, Norway and Iceland."""

from __future__ import annotations

from stdnum import luhn
from stdnum.dk import cpr
from stdnum.fi import hetu
from stdnum.is_ import kennitala
from stdnum.no import fodselsnummer

from gateway_ext.guard.personal.national.identifier import DAY_MONTH, NationalIdentifier, digits, is_date, is_day

_SERIAL = r"\d{6}[ -]?\d{4}"


def _is_personnummer(number: str) -> bool:
    """Also samordningsnummer, whose day is 60 higher (Folkbokföringslagen 1991:481 § 18, 18 a)."""
    number = number.replace("+", "")
    day = int(number[-6:-4])
    date = f"{number[:-6]}{day - 60 if day > 60 else day:02}"
    is_born = is_day(date) if len(date) == 6 else is_date(int(date[:4]), int(date[4:6]), int(date[6:]))
    return is_born and bool(luhn.is_valid(number[-10:]))


def _is_sure_personnummer(number: str) -> bool:
    """Not a samordningsnummer: one in thirty Danish, Finnish and Icelandic numbers looks like one."""
    return number[-6:-4] < "32" and _is_no_timestamp(number)


def _is_no_timestamp(number: str) -> bool:
    """Not 20240315-1230: one in ten of those is a valid number of somebody born then."""
    number = number.replace("+", "")
    date, hour, minute = number[:-4], number[-4:-2], number[-2:]
    is_recent = date[:2] == "20" if len(date) == 8 else date < "50"
    return not (is_recent and hour < "24" and minute < "60" and is_day(date[-6:]))


IDENTIFIERS = (
    NationalIdentifier(
        name="se_personnummer",
        shape=r"(?:\d\d)?\d{6}[ +-]?\d{4}",
        is_valid=_is_personnummer,
        words=(
            "personnumm | personnumr | personnr | pers nr | pnr | samordningsnumm | samordningsnr"
            " | personal identity number | swedish"
        ),
        alone=r"\d{6}[-+]\d{4}|(?:19|20)\d{6}[-+]?\d{4}",
        is_sure=_is_sure_personnummer,
        gaps=" -",
    ),
    NationalIdentifier(
        name="fi_hetu",
        shape=r"[0-3]\d[01]\d{3}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]",
        is_valid=hetu.is_valid,
        alone=r"[0-3]\d[01]\d{3}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]",
        gaps="",
    ),
    NationalIdentifier(
        name="dk_cpr",
        shape=_SERIAL,
        is_valid=cpr.is_valid,  # the check digit is not used since 2007 (CPR-kontoret)
        words="cpr | personnumm | personnr | danish",
        alone=rf"{DAY_MONTH}\d\d-\d{{4}}",
        is_sure=lambda number: cpr.checksum(number) == 0 and _is_no_timestamp(number),
        confidence=0.85,
    ),
    NationalIdentifier(
        name="no_fodselsnummer",
        shape=digits(11),
        is_valid=fodselsnummer.is_valid,
        words="fødselsnumm | fødselsnr | fnr | personnumm | personnr | d nummer | norwegian",
        alone=r"(?:[04][1-9]|[1256]\d|[37][01])(?:0[1-9]|1[0-2])\d\d[ -]?\d{5}",
        reads_compact=True,
    ),
    NationalIdentifier(
        name="is_kennitala",
        shape=_SERIAL,
        is_valid=kennitala.is_valid,
        words="kennital | kennitöl | kt | icelandic",
        alone=rf"{DAY_MONTH}\d\d-\d{{3}}[09]",
    ),
)
