"""The French registration number (NIR, "numéro de sécurité sociale"): 13 characters and a key, modulo 97 (INSEE).

Departments 2A and 2B of Corsica count as 19 and 18. The month may also be 20–42 or 50–99, when it is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum.fr import nir

from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_GAP = r"[ .-]?"
_NIR = re.compile(
    _GAP.join(
        (
            r"\b[1-478]",  # sex; 3, 4, 7 and 8 while being registered
            r"\d{2}",  # year of birth
            r"(?:0[1-9]|1[0-2]|[2-9]\d)",  # month
            r"(?:\d{2}|2[AB])",  # department
            r"\d{3}",  # commune
            r"\d{3}",  # order
            r"\d{2}\b",  # key
        )
    ),
    re.ASCII | re.IGNORECASE,
)


class FrenchNirRecognizer(GuardRecognizer):
    ENTITY = "FR_NIR"
    COUNTRY_CODE = "fr"
    PATTERNS = (_NIR,)

    def candidates(self, text: str) -> Iterator[Candidate]:
        for match in _NIR.finditer(text):
            if nir.is_valid(self.normalized(match[0])):
                yield match.start(), match.end(), 0.99

    def normalized(self, value: str) -> str:
        return re.sub(r"[ .-]", "", value).upper()
