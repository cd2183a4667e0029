"""Numbers of the European Health Insurance Card, field 8 (EN 1867, Decision S2): twenty digits.

80 for health, the ISO 3166-1 numeric code of the issuing country, five digits of the institution, ten of the card.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.personal.context import ContextWords
from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

# EU, EEA, Switzerland, United Kingdom
COUNTRIES = re.compile(
    "040|056|100|191|196|203|208|233|246|250|276|300|348|352|372|380|428|438|440|442|470|528|578|616|620|642|703|705"
    "|724|752|756|826"
)
_GAP = "[ -]?"
_CARD = re.compile(rf"(?<![\w.])80{_GAP}(\d{{3}}){_GAP}\d{{5}}{_GAP}\d{{5}}{_GAP}\d{{5}}(?!\w|[.-]\w)", re.ASCII)
_FOURS = re.compile(r"(?<![\w.])80\d\d(?: \d{4}){4}(?!\w|[.-]\w)", re.ASCII)
_WORDS = ContextWords(
    """ehic|european health|health insurance|health card|ceam|assurance maladie|krankenversicher|ekvk|versicher
    |tarjeta sanitaria|tessera|assicurazione|cartão europeu|cesd|zorgpas|gezondheids|ziekteverzeker|ekuz|ubezpiecz
    |pojištění|pojišt|poistenia|poist|biztosítás|egészség|asigur|осигур|здравно|ασφάλισης|ασφαλ|sjukförsäkring|eu-kort
    |sygesikring|helsetrygd|sairaanhoito|ravikindlustus|veselības|sveikatos|zdravstven|zavarovan|saħħa|árachas sláinte
    |sjúkratrygging"""
)


class HealthCardRecognizer(GuardRecognizer):
    ENTITY = "HEALTH_CARD"
    PATTERNS = (re.compile(r"80[ -]?\d(?:[ -]?\d){17}", re.ASCII),)

    def candidates(self, text: str) -> Iterator[Candidate]:
        for pattern in (_CARD, _FOURS):
            for match in pattern.finditer(text):
                if COUNTRIES.match(self.normalized(match[0]), 2):
                    yield match.start(), match.end(), 0.95 if _WORDS.before(text, match.start()) else 0.6

    def normalized(self, value: str) -> str:
        return re.sub("[ -]", "", value)
