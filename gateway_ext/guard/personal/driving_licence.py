"""Driving licence numbers: a word for the licence, then a number in the form of one of Europe's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.personal.context import ContextWords
from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_WORDS = ContextWords(
    """driving licen|driver's licen|drivers licen|driver’s licen|driver licen|permis de conduire|n° de permis
    |numéro de permis|führerschein|fahrerlaubnis|führerausweis|patente|permiso de conducir|permiso de conducción
    |carné de conducir|carnet de conducir|carta de condução|rijbewijs|prawo jazdy|prawa jazdy|řidičsk|vodičsk
    |vezetői engedély|jogosítvány|permis de conducere|permisul de conducere|permisului de conducere|permis auto
    |управление на мпс|за управление|шофьорск|άδεια οδήγησης|άδειας οδήγησης|δίπλωμα οδήγησης|διπλώματος οδήγησης
    |körkort|kørekort|førerkort|ajokort|juhiluba|juhiloa|vadītāja apliecīb|vairuotojo pažymėjim|vozniško dovoljenje
    |vozniškega dovoljenja|vozačka dozvola|vozačke dozvole|liċenzja tas-sewqan|ceadúnas tiomána|cheadúnas tiomána
    |ökuskírtein"""
)
_FORMS = (
    r"[A-Z9]{5}\d[0156]\d(?:0[1-9]|[12]\d|3[01])\d[A-Z9]{2}[A-Z0-9]{3}",  # GB
    r"[A-Z]\d{2}[A-Z0-9]{6}\d[A-Z0-9]",  # DE
    r"\d{6}[-+A]\d{3}[0-9A-Z]",  # FI
    r"\d{5}/\d{2}/\d{4}",  # PL
    r"\d{2}[A-Z]{2}\d{5}",  # FR
    r"[A-Z]{2}\d[A-Z0-9]{6}[A-Z]",  # IT
    r"U1[A-Z0-9]{7}[A-Z]",  # IT
    r"[A-Z]\d{6,8}[A-Z]?",  # RO SK, ES of foreigners
    r"[A-Z]{1,2}[ -]\d{5,7}(?: \d)?",  # PT CZ HU EE LV
    r"[A-Z]{2}\d{6,7}",  # CZ EE HU LV
    r"\d{8}-?[A-Z]",  # ES
    r"\d{3}[A-Z]{2}\d{4}",  # IE
    r"\d{2} \d{2} \d{6} \d",  # NO
    r"\d{6}-\d{4}",  # SE
    r"\d{8,12}",  # AT BE BG CH CY DK FR GR HR IE IS LT NL NO SI
)
_NUMBER = re.compile(rf"(?<![\w.,/-])(?:{'|'.join(_FORMS)})(?!\w|[.,/:-]\w)", re.ASCII)


class DrivingLicenceRecognizer(GuardRecognizer):
    ENTITY = "DRIVING_LICENCE"
    PATTERNS = _WORDS.announcing(r"\d[0-9A-Z]")

    def candidates(self, text: str) -> Iterator[Candidate]:
        for match in _NUMBER.finditer(text):
            if _WORDS.before(text, match.start()):
                yield match.start(), match.end(), 0.85

    def normalized(self, value: str) -> str:
        return re.sub("[ /-]", "", value)
