"""Dates as people write them in Europe: ISO 8601, dotted, slashed, and with the month's name in the EU's languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from gateway_ext.guard.personal.context import folded

# For each month how its name begins: all languages of the EU and the EEA, nominative and genitive. Where the same
# name means two months (`listopad` is October in Croatian and November in Polish), one of them is taken.
_MONTHS = (
    "jan|jaan|ian|gen|ene|eanáir|stycz|led|siječ|saus|tammi|ιαν|γεν|яну",
    "feb|fev|fév|vee|frar|lut|únor|velj|vasar|helmi|φεβ|фев|feabh",
    "mar|mär|maar|mrt|břez|ožuj|kov|maalis|μαρ|мар",
    "apr|avr|abr|aib|kwie|dub|trav|baland|huhti|απρ|апр",
    "may|mai|mag|maj|mei|mej|květ|svib|geguž|touko|μαϊ|μαι|май|bealt",
    "jun|jui|juu|giu|ġun|iun|czerw|červ|lipnj|lipanj|birž|kesä|ιουν|юни|meith",
    "jul|juil|juul|lug|lul|iul|iúil|lipc|lipi|červenc|červenec|srpnj|srpanj|liep|hein|ιουλ|юли",
    "aug|ago|aoû|ágú|avg|aww|lún|sierp|srpn|srpen|kolov|rugp|elok|αυγ|авг",
    "sep|set|szep|wrze|září|ruj|rugs|syys|σεπ|сеп|meán",
    "oct|okt|out|ott|paźdz|říj|spal|loka|οκτ|окт|deir",
    "nov|noi|listop|studen|lapkr|marras|νοε|ное|samh",
    "dec|dez|dic|diċ|des|dets|prosin|grud|gruod|joulu|δεκ|дек|noll",
)
_MONTH_BY_BEGINNING = {
    folded(beginning): month for month, names in enumerate(_MONTHS, 1) for beginning in names.split("|")
}

_DAY = r"\d{1,2}"
_YEAR = r"(?:1[89]|20)\d\d"
_NAME = r"[^\W\d_]{3,14}(?: fómhair)?"
_ORDINAL = r"(?:st|nd|rd|th|er|[.ºª°]|η|-?[ge]o)?"
_OF = r"(?: ?(?:of|de|ta|d|di) ?['’ ]| )? ?"
_THE_YEAR = r"\.?,?(?: (?:de|del|of|do))? ?"
_FORMS = (
    rf"(?P<y>{_YEAR})(?P<s>[-./]) ?(?P<m>{_DAY})(?P=s) ?(?P<d>{_DAY})",
    rf"(?P<d>{_DAY})(?P<s>[-./]) ?(?P<m>{_DAY})(?P=s) ?(?P<y>{_YEAR}|\d\d)",
    rf"(?P<d>{_DAY}){_ORDINAL}{_OF}(?P<n>{_NAME}){_THE_YEAR}(?P<y>{_YEAR})",
    rf"(?P<n>{_NAME})\.? (?P<d>{_DAY}){_ORDINAL},? (?P<y>{_YEAR})",
    rf"(?P<y>{_YEAR})\.? ?(?:m\. )?(?P<n>{_NAME}) (?P<d>{_DAY})",  # Hungarian, Lithuanian
    rf"(?P<y>{_YEAR})\. ?gada (?P<d>{_DAY})\. (?P<n>{_NAME})",  # Latvian
)
_DATES = tuple(re.compile(rf"(?<![\w.,/-]){form}(?![\w]|[-/]\d)", re.IGNORECASE) for form in _FORMS)

PREFILTERED = r"(?:(?:1[89]|20)\d\d|\d[./-] ?\d)"
"""A part of every date, for the prefilter."""


def dates(text: str) -> Iterator[tuple[int, int, str]]:
    """Dates that exist: start, end and ISO form. A year of two digits stays one; 3/4 is read as the third of April
    and, where only that is possible, as the fourth of March."""
    for form in _DATES:
        for match in form.finditer(text):
            parts = match.groupdict()
            first, day = parts.get("m"), int(parts["d"])
            month = int(first) if first else _month(parts["n"])
            if month > 12 >= day and parts.get("s") == "/":
                day, month = month, day
            if _exists(int(parts["y"]), month, day):
                yield match.start(), match.end(), f"{parts['y']}-{month:02}-{day:02}"


def _month(name: str) -> int:
    """The month of a name, 0 if it is none."""
    plain = folded(name)
    for size in range(min(len(plain), 8), 2, -1):
        if month := _MONTH_BY_BEGINNING.get(plain[:size]):
            return month
    return 0


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year if year > 99 else 2000 + year, month, day)
    except ValueError:
        return False
    return True
