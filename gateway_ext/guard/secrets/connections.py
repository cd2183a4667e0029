"""Passwords in URLs (RFC 3986, userinfo) and in connection strings of data bases (ODBC, ADO.NET, JDBC, libpq)."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from gateway_ext.guard.catalog import SECRET
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.secrets.placeholders import is_placeholder

_PLAIN = 3  # the group of values without quotes
_NEIGHBOUR_CHARACTERS = 400  # around the password, where the rest of its connection string stands


class UrlPasswordDetector(Detector):
    """`scheme://user:password@host`. A password that repeats the user's name is an example or a default."""

    name = "basic_auth"
    version = "2"
    data_class = SECRET
    patterns = (re.compile(r"://[^\s:/?#@\"'<>]*:[^\s/\"'<>]+@[A-Za-z0-9_\[%]", re.ASCII),)

    _userinfo = re.compile(r"://([^\s:/?#@\"'<>]{0,256}):([^\s/\"'<>]{1,256})@(?=[A-Za-z0-9_\[%])", re.ASCII)

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        for match in self._userinfo.finditer(text, start, end):
            user, password = match.groups()
            if password != user and not is_placeholder(password):
                yield Span(*match.span(2), 0.9, password)


class ConnectionStringDetector(Detector):
    """`Server=…;Uid=…;Password=…`: a password among other parameters of a connection."""

    name = "connection_string"
    version = "1"
    data_class = SECRET
    patterns = (re.compile(r"(?:password|pwd)[ \t]{0,4}=[ \t]{0,4}[^\s;=][^\s]{3}", re.ASCII | re.IGNORECASE),)

    _password = re.compile(
        r"(?<![A-Za-z0-9_])(?:password|pwd)[ \t]{0,4}=[ \t]{0,4}(?:\{([^}\s]{4,128})\}|'([^'\n]{4,128})'|([^\s;&\"'<>|)]{4,128}))",
        re.ASCII | re.IGNORECASE,
    )
    _parameter = re.compile(
        r"(?:server|data source|host|hostname|addr(?:ess)?|driver|dsn|initial catalog|database|dbname|uid|user id|username"
        r"|user)[ \t]{0,4}=[ \t]{0,4}[^\s;=]|jdbc:|odbc:",
        re.ASCII | re.IGNORECASE,
    )
    _name = re.compile(r"[A-Za-z_.]*|[A-Za-z_][\w.]*[(\[].*", re.ASCII)  # password=password_from_vault is code

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        parameters = [match.start() for match in self._parameter.finditer(text, start, end)]
        for match in self._password.finditer(text, start, end):
            group = match.lastindex or 0
            value = match[group]
            if not _is_divided(text, match) or not _is_near(parameters, match.start()) or is_placeholder(value):
                continue
            if group < _PLAIN or not self._name.fullmatch(value):
                yield Span(*match.span(group), 0.85, value)


def _is_near(parameters: list[int], position: int) -> bool:
    index = bisect_left(parameters, position - _NEIGHBOUR_CHARACTERS)
    return index < len(parameters) and parameters[index] <= position + _NEIGHBOUR_CHARACTERS


def _is_divided(text: str, match: re.Match[str]) -> bool:
    """Whether the password is divided from what is around it as in such strings, which is seldom so in programs."""
    before, after = text[max(0, match.start() - 80) : match.start()], text[match.end() : match.end() + 1]
    return before.rstrip(" ").endswith((";", "&", "?", '"', "'")) or after in {";", "&"} or "host=" in before
