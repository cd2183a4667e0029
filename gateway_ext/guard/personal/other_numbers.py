"""What tells that a number printed like one of a telephone is another one, when no word for telephone stands before it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.personal.context import ContextWords
from gateway_ext.guard.personal.national.table import IDENTIFIERS

_PREFIX_CHARACTERS_MIN = 5  # shorter words are the beginnings of too many others


def _names() -> Iterator[str]:
    for word in "|".join(identifier.words for identifier in IDENTIFIERS).split("|"):
        if name := word.strip():
            yield name if len(name) >= _PREFIX_CHARACTERS_MIN else f"{name}."


_WORDS = ContextWords(
    "|".join(_names())
    + """|driving licen|permis de conduire|führerschein|patente|permiso de conducir|carta de condução|rijbewijs
    |prawa jazdy|prawo jazdy|körkort|kørekort|førerkort|ajokort|passport|passeport|reisepass|tajszám|ahv nummer|ahv nr
    |avs.|henkilötunnu"""
)
_ACCOUNT_CHARACTERS = 40
_DATE_AND_SERIAL = re.compile(r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d\d-\d{4,5}(?!\d)", re.ASCII)
_INSIDE_ACCOUNT = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -][A-Z0-9]{4}){0,6}[ -]\Z", re.ASCII | re.IGNORECASE)


def is_another_number(text: str, start: int) -> bool:
    """Whether what begins at `start` is called an identifier, is the rest of an IBAN, or begins with a date of birth as
    the identifiers of Denmark, Finland, Iceland and Latvia do."""
    return (
        bool(_DATE_AND_SERIAL.match(text, start))
        or bool(_INSIDE_ACCOUNT.search(text, max(0, start - _ACCOUNT_CHARACTERS), start))
        or _WORDS.before(text, start)
    )
