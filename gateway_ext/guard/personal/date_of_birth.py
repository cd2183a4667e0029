"""Dates of birth: a date behind a word for birth, in the languages of the EU and the EEA."""

from __future__ import annotations

from collections.abc import Iterator

from gateway_ext.guard.personal.context import ContextWords
from gateway_ext.guard.personal.dates import PREFILTERED, dates
from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_BORN = ContextWords(
    """born|date of birth|birth date|birthdate|birthday|dateofbirth|dob.|d.o.b.
    |geboren|geborene|geburtsdatum|geburtstag|geb.|geboortedatum
    |né le|née le|né(e) le|nés le|naissance|né à|née à|né en|née en
    |nacido|nacida|nació|nacimiento|f. nac.|fec. nac.|de nac.|de nasc.|nato il|nata il|nato a|nata a|nascita
    |nascido|nascida|nasceu|nascimento|urodzon|urodził|urodzenia|ur.
    |narozen|narodil|naroden|nar.|született|születési|szül.|născut|nașter|naşter
    |роден|раждане|рождена|γεννήθηκ|γεννημέν|γεννηθεί|γέννησης|γέννηση
    |född|födelsed|f.d.|født|fødsels|syntynyt|syntymä|synt.|sündinud|sündis|sünniaeg|sünnikuup
    |dzimis|dzimus|dzimšanas|dz.|gimė|gimęs|gimusi|gimimo|rojen|rojstva|rođen|rodjen
    |imwieled|twieled|twelid|rugadh|breithe|fædd|fæðing"""
)
_YEAR_MIN = "1900"


class BirthDateRecognizer(GuardRecognizer):
    ENTITY = "DATE_OF_BIRTH"
    PATTERNS = _BORN.announcing(PREFILTERED)

    def candidates(self, text: str) -> Iterator[Candidate]:
        for start, end, iso in dates(text):
            is_plausible = len(iso) < len("1980-02-03") or iso >= _YEAR_MIN
            if is_plausible and _BORN.before(text, start):
                yield start, end, 0.9

    def normalized(self, value: str) -> str:
        return next((iso for _, _, iso in dates(value)), value)
