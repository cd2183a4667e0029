"""Public IP addresses: IPv4 in dotted decimal and IPv6 (RFC 4291, RFC 5952) that the Internet can route.

Private, shared, documentation, multicast and reserved ones identify nobody (IANA special-purpose registries).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from gateway_ext.guard.personal.context import ContextWords
from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"(?<![\w.+-])(?:{_OCTET}\.){{3}}{_OCTET}(?![\w+]|[.-]\w)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9a-f]{3}:[0-9a-f:]{2,34}(?![\w:])", re.ASCII | re.IGNORECASE)
_VERSION = ContextWords(
    "version|versión|versão|versio|wersj|verzi|verze|версия|έκδοση|release|build|ver.|rev.|firmware|driver"
)
_VERSION_CHARACTERS = 16
_RELEASE = re.compile(r"(?:[a-z]/|==|[<>~^]=?|@)\Z", re.ASCII | re.IGNORECASE)  # Chrome/1.2.3.4, package==1.2.3.4


class PublicAddressRecognizer(GuardRecognizer):
    ENTITY = "IP_PUBLIC"
    PATTERNS = (
        re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d", re.ASCII),
        re.compile(r"[23][0-9a-f]{3}:[0-9a-f]{0,4}:", re.ASCII | re.IGNORECASE),
    )

    def candidates(self, text: str) -> Iterator[Candidate]:
        for match in _IPV4.finditer(text):
            if _is_public(match[0]) and not _is_version(text, match.start()):
                yield match.start(), match.end(), 0.8
        for match in _IPV6.finditer(text):
            address = match[0][:-1] if match[0].endswith(":") and not match[0].endswith("::") else match[0]
            if _is_public(address):
                yield match.start(), match.start() + len(address), 0.9

    def normalized(self, value: str) -> str:
        return str(ip_address(value))


def _is_public(address: str) -> bool:
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    return parsed.is_global and not (parsed.is_multicast or parsed.is_reserved or parsed.is_unspecified)


def _is_version(text: str, start: int) -> bool:
    before = text[max(0, start - 4) : start]
    if _RELEASE.search(before) and "://" not in text[max(0, start - 9) : start]:
        return True
    return _VERSION.before(text, start, _VERSION_CHARACTERS)
