"""Passwords told in a sentence or a note, in the languages of Europe: `Passwort: …`, `le mot de passe du wifi est …`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.catalog import SECRET
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.secrets.placeholders import is_placeholder, is_prose, is_reference

_WORDS = (
    "pass ?word|passwd|passphrase|passcode|pwd"  # English, Italian, Maltese
    "|парол[аиуь]|лозинка"  # Bulgarian, Ukrainian, Russian, Serbian
    "|lozink|zapork|šifr[au]"  # Croatian
    "|hesl[aeo]|heslu"  # Czech, Slovak
    "|adgangskode|kodeord"  # Danish
    "|wachtwoord"  # Dutch
    "|parool|salasõna"  # Estonian
    "|salasana"  # Finnish
    "|mots? de passe|\\bmdp\\b"  # French
    "|pass?wort|pass?wörter|kennwort"  # German
    "|κωδικ[όο]|συνθηματικ[όο]"  # Greek
    "|jelsz[óoa]"  # Hungarian
    "|pasfhocal|focal faire"  # Irish
    "|parol[aăe]"  # Italian, Latvian, Romanian, Turkish
    "|slaptažod|slaptazod"  # Lithuanian
    "|kelma sigrieta"  # Maltese
    "|passord"  # Norwegian
    "|hasł[aeo]|haslo"  # Polish
    "|senha|palavra-passe"  # Portuguese
    "|gesl[aou]"  # Slovene
    "|contrase[ñn](?:a|ya)|\\bclave\\b"  # Spanish, Catalan
    "|lösenord"  # Swedish
    "|lykilorð|şifre"  # Icelandic, Turkish
)
_IS = (
    "is|was|are|ist|lautet|war|est|sera|es|era|è|é|on|er|är|jest|to|je|este|είναι|е|yra|ir|van|huwa|hija|tá|zní|znie"
    "|glasi|lyder|sounds|será|sarà|ole"
)


def _either_case(source: str) -> str:
    """With the letters beyond ASCII in both cases: re.ASCII ignores the case of the others only."""

    def both(match: re.Match[str]) -> str:
        letters = match[0].strip("[]")
        return f"[{letters}{''.join(letter.upper() for letter in letters if not letter.isascii())}]"

    return re.sub(r"\[[^\]]*\]|[^\x00-\x7f]", both, source)


_KEYWORD = _either_case(_WORDS)
_MARK = "0-9!#$%&*+?@^~§€£"  # a password has one of these, a word has none
_CODE = re.compile(
    r"[A-Za-z0-9_$.\]-]{1,64}[(\[{]|.*[\[({]\S*[\])}]|.*(?:=>|->|==|&&|\|\|)|[\w.-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII
)
_TECHNICAL = re.compile(
    r"(?:sha|md|aes|utf|base|oauth|rsa|argon|pbkdf|hs|rs|es|ipv|tls|ssl|http|iso|rfc|cve|ascii|php|python|win|bcrypt|int|char"
    r"|n?varchar|string|text|v)[-_]?[0-9.]{1,5}[a-z]{0,3}(?:[-_(][\w()-]*)?|[0-9.,:/%+*?!–-]+[a-z]{0,5}",
    re.ASCII | re.IGNORECASE,
)


_SPACE = "[ \t\u00a0\u202f]"
_SEPARATOR = rf"(?:{_SPACE}{{0,2}}(?::|=|：|→|—|–)|[ \t](?:{_either_case(_IS)})(?:[ \t]?:|[ \t]))[*_]{{0,2}}{_SPACE}{{0,4}}[*_]{{0,2}}"
_QUOTES = "\"'`«»„“”‚‘’"
_OPENING = f"[{_QUOTES}]?"
_VALUE = rf"[^\s<>{{}},;{_QUOTES}]"  # a character


class PasswordPhraseDetector(Detector):
    name = "password_phrase"
    version = "1"
    data_class = SECRET
    patterns = (
        re.compile(rf"(?:{_KEYWORD})[^\n:=]*{_SEPARATOR}{_OPENING}{_VALUE}*[{_MARK}]", re.ASCII | re.IGNORECASE),
    )

    _phrase = re.compile(
        rf"(?:{_KEYWORD})[^\s:=,;.!?(){_QUOTES}]{{0,6}}[^\n:=?!.;,(){{}}<>\[\]{_QUOTES}]{{0,40}}?{_SEPARATOR}{_OPENING}"
        rf"({_VALUE}{{5,64}})(?!{_VALUE})",
        re.ASCII | re.IGNORECASE,
    )

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        for match in self._phrase.finditer(text, start, end):
            value = match[1].rstrip(".:)]*_\\")
            if _is_password(value):
                yield Span(match.start(1), match.start(1) + len(value), 0.7, value)


_HAS_MARK = re.compile(f"[{_MARK}]")
_HAS_LETTER = re.compile(r"[^\W\d_]")
_MANY_LETTERS = re.compile(r"[A-Za-z]+['’-]?[A-Za-z]*[?!]*")


def _is_password(value: str) -> bool:
    return bool(
        len(value) > 4
        and _HAS_MARK.search(value)
        and _HAS_LETTER.search(value)
        and not _MANY_LETTERS.fullmatch(value)
        and not _CODE.match(value)
        and not _TECHNICAL.fullmatch(value)
        and "://" not in value
        and not is_placeholder(value)
        and not is_reference(value)
        and not is_prose(value)
    )
