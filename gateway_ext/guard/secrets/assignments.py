"""Unquoted values: `DB_PASSWORD=…` in environments and shells, `password: …` and `api_key = …` in configuration files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.catalog import SECRET
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.secrets.placeholders import classes, is_placeholder, is_prose, is_reference

_WHAT = r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PWD|(?:API|ACCESS|AUTH|PRIVATE|ENCRYPTION|SIGNING|MASTER)_?KEY|CREDENTIALS?"
_ANY_CASE = _WHAT.replace("_?", "[_.-]?")
# What the name may end in besides: PASSWORD_1, SECRET_KEY, TOKEN_PROD. Not: PASSWORD_FILE, TOKEN_URL.
_SUFFIX = r"(?:_?[0-9]{1,2}|[_.-]?(?:KEY|VALUE|BASE|PROD|PRODUCTION|DEV|TEST|STAGING|MAIN|LIVE|OLD|NEW|DEFAULT)){0,2}"
_VALUE = r"([^\s\"'`<>$%{}\[\]|;,&\\(][^\s\"'`<>;]{5,511})"


class EnvironmentDetector(Detector):
    """Names in capitals may stand anywhere; others only on a line of their own, where they are no code of a program."""

    name = "env_secret"
    version = "1"
    data_class = SECRET
    patterns = (
        re.compile(rf"(?:{_WHAT}){_SUFFIX}=[^\s\"'`<>$%{{}}\[\]|;,&\\(][^\s\"'`<>;]{{5}}", re.ASCII),
        re.compile(
            rf"^[^\n:=]*(?:{_ANY_CASE}){_SUFFIX}[\"']?[ \t]*[:=][ \t]*[^\s\"'`<>$%{{}}\[\]|;,&\\(][^\s\"'`<>;]{{5}}",
            re.ASCII | re.IGNORECASE | re.MULTILINE,
        ),
    )

    _anywhere = re.compile(rf"(?:{_WHAT}){_SUFFIX}={_VALUE}", re.ASCII)
    _alone = re.compile(
        rf"^[ \t>*-]{{0,40}}(?:(?:export|set|env|arg|setx)[ \t]{{1,4}})?[\"']?[A-Za-z0-9_.-]{{0,64}}?(?:{_ANY_CASE}){_SUFFIX}"
        rf"[\"']?[ \t]{{0,20}}[:=][ \t]{{0,20}}{_VALUE}[ \t]{{0,20}}(?:#[^\n]*)?\r?$",
        re.ASCII | re.IGNORECASE | re.MULTILINE,
    )

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        for match in self._anywhere.finditer(text, start, end):
            value = match[1].rstrip(".,)]")
            if _is_secret(value):
                yield Span(match.start(1), match.start(1) + len(value), 0.75, value)
        for match in self._alone.finditer(text, start, end):
            value = match[1].rstrip(",")
            if _is_secret(value) and not _is_name(value):
                yield Span(match.start(1), match.start(1) + len(value), 0.7, value)


def _is_secret(value: str) -> bool:
    has_digit_and_letter = classes(value) > 1 and any("0" <= character <= "9" for character in value)
    return has_digit_and_letter and not (is_placeholder(value) or is_reference(value) or is_prose(value))


_NAME = re.compile(r"[A-Za-z]+[0-9]?(?:[_-]?[A-Za-z]+[0-9]?)*|[a-z]+-?[0-9]{1,4}", re.ASCII)
_NAMES_WITH_UNDERLINE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+", re.ASCII)


def _is_name(value: str) -> bool:
    """Whether unquoted `value` may be a variable of a program: `user_password1`, `sha256`."""
    if len(value) >= 24 and classes(value) == 3:
        return False
    return bool(_NAMES_WITH_UNDERLINE.fullmatch(value) or (len(value) < 8 and _NAME.fullmatch(value)))
