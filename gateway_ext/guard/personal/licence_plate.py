"""Licence plates of Europe behind a word for them. A plate leads to the keeper of the car."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.personal.context import ContextWords
from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_WORDS = ContextWords(
    """licence plate|license plate|number plate|plate number|registration plate|registration number|vehicle registration
    |car registration|reg. no|reg no|immatricul|plaque|kennzeichen|nummernschild|kontrollschild|autonummer|targa|targhe
    |targato|targata|matrícula|chapa de matr|kenteken|nummerplaat|rejestracyjn|státní poznávací|registrační značk
    |poznávací značk|spz|evidenčné číslo|ečv|rendszám|înmatricul|регистрацион|рег. номер|рег. №|πινακίδ
    |κυκλοφορίας|registreringsnummer|registreringsskylt|regnummer|reg.nr|regnr|nummerplade|kjennemerke|skilt|bilskilt
    |nummerskilt
    |rekisterinumer|rekisteritunnu|rekisterikilp|rekkari|numbrimärk|registreerimis|reg. nr|numura zīm|numurzīm
    |reģistrācijas numur|valstybin|numerio ženkl|valst. nr|registrsk|registarsk|registracijsk|reg. oznak|pjanċa
    |reġistrazzjoni|cláruimh|chláraith|uimhirphlát|bílnúmer|skráningarnúmer|bílnúmerið"""
)
_L = "[A-ZÄÖÜČĆŠŽĐΑ-ΩА-Я]"
_S = "[ -]?"
_FORMS = (
    rf"{_L}{{2}} ?\d{{2}} ?\d{{3}}",  # DK; first, because others are parts of it
    rf"{_L}{{1,3}}[ :-]{_L}{{1,2}}[ -]?\d{{1,4}} ?[EH]?",  # DE
    rf"{_L}{{1,3}}[ -]\d{{1,5}} ?{_L}{{0,3}}",  # AT CH DK EE FI GR LT LU LV MT SE
    rf"{_L}{{1,3}}{_S}\d{{2,6}}(?:{_S}{_L}{{1,3}})?",  # BG CH CY FR HR IT LT LU NO RO SK and those above
    rf"{_L}{{2}} ?{_L}{{2}}{_S}\d{{3}}",  # HU
    rf"{_L}{{2}}\d{{2}} ?{_L}{{3}}",  # GB
    rf"{_L}{{3}} ?\d{{2}}[A-Z0-9]",  # SE
    rf"{_L}{{2}} ?{_L}\d{{2}}",  # IS
    rf"{_L}{{2,3}} ?[A-Z0-9]{{4,5}}",  # PL
    rf"{_L}{{2}} [A-Z0-9]{{2,3}}-[A-Z0-9]{{2,3}}",  # SI
    rf"\d{{2,3}}-?{_L}{{1,2}}-?\d{{1,6}}",  # IE
    rf"\d{_L}[A-Z0-9] ?\d{{4}}",  # CZ
    rf"\d-{_L}{{3}}-\d{{3}}",  # BE
    rf"\d{{3,4}}{_S}{_L}{{3}}",  # EE ES
    rf"\d{{1,4}} {_L}{{2,3}} \d{{2,3}}",  # FR before 2009
    rf"(?:{_L}{{1,3}}|\d{{1,3}})-(?:{_L}{{1,3}}|\d{{1,3}})-(?:{_L}{{1,3}}|\d{{1,3}})",  # NL PT
)
_PLATE = re.compile(rf"(?<![\w.,/-])(?:{'|'.join(f'(?:{form})' for form in _FORMS)})(?!\w|[.,/:-]\w)")
_CHARACTERS_MIN, _CHARACTERS_MAX = 4, 9
_REACH_CHARACTERS = 40


class LicencePlateRecognizer(GuardRecognizer):
    ENTITY = "LICENCE_PLATE"
    PATTERNS = _WORDS.announcing(r"\d")

    def candidates(self, text: str) -> Iterator[Candidate]:
        for match in _PLATE.finditer(text):
            plate = self.normalized(match[0])
            has_both = any(map(str.isalpha, plate)) and any(map(str.isdigit, plate))
            is_plate = has_both and _CHARACTERS_MIN <= len(plate) <= _CHARACTERS_MAX
            if is_plate and _WORDS.before(text, match.start(), _REACH_CHARACTERS):
                yield match.start(), match.end(), 0.75

    def normalized(self, value: str) -> str:
        return re.sub("[ :-]", "", value).upper()
