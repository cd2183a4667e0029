"""Quoted values assigned to, or compared with, names such as `password` and `api_key`, by detect-secrets' keyword plugin.

The plugin searches a line for each of its patterns, which takes cubic time on a hostile line and yields one value a
line. Here each word with a keyword in it is tried once by each pattern, at the keyword, and every value is found.
Of the filters, "indirect reference" is left out: it also takes cubic time, and quoted values are not references.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from detect_secrets.filters import heuristic
from detect_secrets.plugins import keyword

from gateway_ext.guard.catalog import SECRET
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.secrets.placeholders import is_placeholder, is_prose
from gateway_ext.guard.secrets.plugins import LIBRARY_VERSION, ascii_pattern

_KEYWORDS = "|".join(keyword.DENYLIST).replace("ñ", "[ñÑ]")  # re.ASCII ignores the case of ASCII letters only
_WORD = re.compile(rf"(?:{_KEYWORDS})\w*", re.ASCII | re.IGNORECASE)
_COMPARED = re.compile(rf"['\"`]\s*[!=]{{2,3}}\s*\w*(?:{_KEYWORDS})", re.ASCII | re.IGNORECASE)
_ASSIGNED = re.compile(rf"(?:{_KEYWORDS})[^'\"`\n]*['\"`]", re.ASCII | re.IGNORECASE)
# Names of what describes a secret, or where it is kept, rather than of the secret.
_ABOUT = re.compile(
    r"(?:name|names|id|ids|type|label|field|hint|length|len|regex|pattern|policy|path|file|url|uri|endpoint|env|var"
    r"|header|algorithm|strength|error|message|msg|placeholder|prompt|text|title|arn|ref|version|hash(?:ed)?|column|input)\Z",
    re.ASCII | re.IGNORECASE,
)

_PRECEDED = keyword.PRECEDED_BY_EQUAL_COMPARISON_SIGNS_QUOTES_REQUIRED_REGEX


class KeywordDetector(Detector):
    name = "secret_keyword"
    version = f"{LIBRARY_VERSION}, 2"
    data_class = SECRET
    patterns = (_ASSIGNED, _COMPARED)

    def __init__(self) -> None:
        groups = keyword.QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP
        self._following = [(_either_case(p), group) for p, group in groups.items() if p is not _PRECEDED]
        self._preceding, self._preceding_group = _either_case(_PRECEDED), groups[_PRECEDED]

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        passage = text[start:end]
        for first, last in self._values(passage):
            value = passage[first:last]
            if not _is_no_secret(value):
                yield Span(start + first, start + last, 0.6, value)

    def _values(self, passage: str) -> Iterator[tuple[int, int]]:
        for word in _WORD.finditer(passage):
            if _ABOUT.search(word[0]):
                continue
            for pattern, group in self._following:
                match = pattern.match(passage, word.start())
                if match:
                    yield match.span(group)
        if _COMPARED.search(passage):
            for match in self._preceding.finditer(passage):
                yield match.span(self._preceding_group)


def _either_case(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return ascii_pattern(re.compile(pattern.pattern.replace("ñ", "[ñÑ]"), pattern.flags))


def _is_no_secret(value: str) -> bool:
    return bool(
        is_placeholder(value)
        or is_prose(value)
        or heuristic.is_sequential_string(value)
        or heuristic.is_potential_uuid(value)
        or heuristic.is_not_alphanumeric_string(value)
    )
