"""E-mail addresses: RFC 5321 as people write them, internationalised (RFC 6531) ones too, below a public suffix."""

from __future__ import annotations

import re
from collections.abc import Iterator

import tldextract

from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_LOCAL_CHARACTERS_MAX = 64  # RFC 5321, 4.5.3.1.1
_LETTERS = "\u0080-\U0010ffff"  # in patterns for the prefilter: any character that is not ASCII

_LOCAL_REVERSED = re.compile(r"[\w.+%'~-]{1,64}")
_DOMAIN = re.compile(r"(?:\w(?:[\w-]{0,61}\w)?\.){1,8}(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,63})", re.IGNORECASE)
_NOBODY = re.compile(r"(?:no|do[._-]?not)[._-]?reply", re.IGNORECASE)  # the sender of machines: nobody reads it
_IN_AUTHORITY = re.compile(r"://[^/?#\s]{0,256}\Z")

# The Public Suffix List as bundled with tldextract: nothing is fetched, nothing is written.
_suffixes = tldextract.TLDExtract(
    suffix_list_urls=(),
    cache_dir=None,
    # names for private networks: RFC 6762 appendix G, and `internal` as reserved by ICANN in 2024
    extra_suffixes=("local", "internal", "intranet", "corp", "lan", "home"),
)


class MailAddressRecognizer(GuardRecognizer):
    ENTITY = "EMAIL_ADDRESS"
    VERSION = "2"
    PATTERNS = (re.compile(rf"[\w.+%'~\-{_LETTERS}]@[\w\-{_LETTERS}]+\.[\w{_LETTERS}]", re.ASCII),)

    def __init__(self) -> None:
        _suffixes("example.org")  # parses the list now rather than at the first request

    def candidates(self, text: str) -> Iterator[Candidate]:
        at = -1
        while (at := text.find("@", at + 1)) >= 0:
            before = text[max(0, at - _LOCAL_CHARACTERS_MAX) : at]
            local = _LOCAL_REVERSED.match(before[::-1])
            domain = _DOMAIN.match(text, at + 1)
            if local is None or domain is None:
                continue
            start = at - len(local[0][::-1].lstrip(".'-~"))
            names_nobody = text[start:at] == "git" or _NOBODY.fullmatch(text, start, at)
            if start == at or names_nobody or _IN_AUTHORITY.search(text, max(0, start - 260), start):
                continue  # in a URL's authority it is a user name or password: basic_auth's matter
            name = _suffixes(domain[0].lower())
            if name.suffix and name.domain:
                yield start, domain.end(), 0.95

    def normalized(self, value: str) -> str:
        return value.casefold()
