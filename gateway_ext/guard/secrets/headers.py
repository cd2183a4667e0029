"""Credentials on the way to a server: HTTP's Authorization header (RFC 9110, 7617, 6750) and curl's options."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from gateway_ext.guard.catalog import SECRET
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.secrets.placeholders import classes, is_made_up, is_placeholder

_TOKEN_CHARACTERS_MIN = 16  # of opaque tokens; they have digits


class AuthorizationDetector(Detector):
    """`Authorization: Basic …` that decodes to user and password; `Bearer …` and `X-Api-Key: …` that look random."""

    name = "authorization_header"
    version = "1"
    data_class = SECRET
    patterns = (
        re.compile(r"\b(?:basic|bearer|token|negotiate)[ \t]+[A-Za-z0-9._~+/=-]{12}", re.ASCII | re.IGNORECASE),
        re.compile(
            r"x-[a-z-]*(?:api-?key|token|secret|auth)[\"']?[ \t]*[:=,][ \t]*[\"']?[A-Za-z0-9._~+/=-]{16}",
            re.ASCII | re.IGNORECASE,
        ),
    )

    _scheme = re.compile(
        r"(?<![A-Za-z0-9_])(basic|bearer|token)[ \t]{1,4}([A-Za-z0-9._~+/-]{10,8192}={0,2})", re.ASCII | re.IGNORECASE
    )
    _own = re.compile(
        r"(?<![A-Za-z0-9_])x-[a-z-]{0,40}(?:api-?key|token|secret|auth)[\"']?[ \t]{0,4}[:=,][ \t]{0,4}[\"']?"
        r"([A-Za-z0-9._~+/-]{16,8192}={0,2})",
        re.ASCII | re.IGNORECASE,
    )
    _named = re.compile(r"authori[sz]ation|bearer", re.ASCII | re.IGNORECASE)

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        for match in self._scheme.finditer(text, start, end):
            scheme, value = match.groups()
            if scheme.lower() == "basic":
                is_secret = _is_user_and_password(value)
            else:
                named = text[max(start, match.start() - 24) : match.end(1)]
                is_secret = bool(self._named.search(named)) and _is_token(value)
            if is_secret:
                yield Span(*match.span(2), 0.85, value)
        for match in self._own.finditer(text, start, end):
            if _is_token(match[1]):
                yield Span(*match.span(1), 0.8, match[1])


class CommandLineDetector(Detector):
    """`curl -u user:password`, and the same of wget, http and others: `--user`, `--password=`."""

    name = "curl_credentials"
    version = "1"
    data_class = SECRET
    patterns = (
        re.compile(r"(?:\s-u|--(?:proxy-)?user|\s-U)[ \t=]*[\"']?[^\s:\"']*:[^\s\"']", re.ASCII),
        re.compile(r"--(?:http-|ftp-|proxy-)?password[ \t=]+[\"']?[^\s\"']{4}", re.ASCII),
        re.compile(r"(?:sshpass|mysql|mysqldump|mariadb)\b.*[ \t]-p[ \t]?[\"']?[^\s\"'-]{4}", re.ASCII),
    )

    _user = re.compile(
        r"(?:(?<=\s)-[uU]|--(?:proxy-)?user)[ \t=]{0,4}[\"']?([^\s:\"']{1,128}):([^\s\"']{1,256})", re.ASCII
    )
    _password = re.compile(
        r"--(?:http-|ftp-|proxy-)?password(?:=|[ \t]{1,4})[\"']?([^\s\"']{4,256})"
        r"|(?:sshpass|mysql|mysqldump|mariadb)\b[^|;\n]{0,200}?[ \t]-p[ \t]?[\"']?([^\s\"'-][^\s\"']{3,255})",
        re.ASCII,
    )

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        for match in self._user.finditer(text, start, end):
            user, password = match.groups()
            if password != user and not is_placeholder(password) and not password.isdigit():
                yield Span(*match.span(2), 0.85, password)
        for match in self._password.finditer(text, start, end):
            group = match.lastindex or 0
            if not is_placeholder(match[group]) and classes(match[group]) > 1:
                yield Span(*match.span(group), 0.75, match[group])


def _is_token(value: str) -> bool:
    has_digit = any("0" <= character <= "9" for character in value)
    return len(value) >= _TOKEN_CHARACTERS_MIN and has_digit and not is_made_up(value)


def _is_user_and_password(value: str) -> bool:
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return False
    user, colon, password = decoded.partition(":")
    return bool(colon and password) and decoded.isprintable() and password != user and not is_placeholder(password)
