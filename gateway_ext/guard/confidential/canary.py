"""Canary tokens: an operator puts one into a system prompt; where it turns up in an answer, the prompt has leaked.

`gwc-`, then 24 characters of base32 (RFC 4648, lower case) for 15 random bytes, then 4 for the first 20 bits of the
SHA-256 of all before. The check characters keep everything else from looking like one.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator

from gateway_ext.guard.catalog import CONFIDENTIAL
from gateway_ext.guard.detector import Detector, Kind, Span

RANDOM_BYTES = 15

_CHECK_CHARACTERS = 4
_FORM = re.compile(r"gwc-?([a-z2-7]{28})", re.ASCII | re.IGNORECASE)
_SEPARATORS = re.compile(r"[^A-Za-z0-9]+")


def new_canary(random: bytes) -> str:
    """A canary of RANDOM_BYTES random bytes. Raises ValueError for another number of them."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a canary takes {RANDOM_BYTES} random bytes")
    unchecked = "gwc-" + base64.b32encode(random).decode().lower()
    return unchecked + _check(unchecked)


def canaries_in(text: str) -> set[str]:
    """The canaries that stand in `text`, in their normal form. Meant for the system and developer texts of a request."""
    return {canary for _, canary in _whole(text, 0, len(text))}


def leaked(text: str, canaries: Iterable[str]) -> list[Span]:
    """Where any of `canaries` stands in `text`: in any case, with separators between its characters, or in base64."""
    compact = _SEPARATORS.sub("", text)
    caseless = compact.lower()
    found: list[tuple[int, int, str]] = []
    for canary in sorted(set(canaries)):
        found += [(*place, canary) for place in _occurrences(caseless, _SEPARATORS.sub("", canary))]
        for form in _in_base64(canary):
            found += [(*place, canary) for place in _occurrences(compact, form)]
    if not found:
        return []
    kept = [index for index, character in enumerate(text) if not _SEPARATORS.match(character)]
    return [Span(kept[start], kept[end - 1] + 1, 0.99, canary) for start, end, canary in found]


def _in_base64(canary: str) -> Iterator[str]:
    """What base64 (RFC 4648) of any text with `canary` holds, by the place of the canary in a group of three bytes."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + canary.encode()).decode()
        first = -(-before * 4 // 3)  # characters before it also carry bits of what goes before the canary
        last = (before + len(canary)) // 3 * 4
        yield _SEPARATORS.sub("", encoded[first:last])


def _occurrences(text: str, wanted: str) -> Iterator[tuple[int, int]]:
    position = text.find(wanted)
    while position >= 0:
        yield position, position + len(wanted)
        position = text.find(wanted, position + len(wanted))


CANARY = Kind("canary", "1", CONFIDENTIAL)


class CanaryDetector(Detector):
    """Any canary: its check characters prove it, so it need not be known which prompts of this exchange hold one."""

    name, version, data_class = CANARY.name, CANARY.version, CANARY.data_class
    patterns = (_FORM,)
    reads_compact = True

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        for match, canary in _whole(text, start, end):
            yield Span(match.start(), match.end(), 0.99, canary)


def _whole(text: str, start: int, end: int) -> Iterator[tuple[re.Match[str], str]]:
    for match in _FORM.finditer(text, start, end):
        canary = f"gwc-{match[1].lower()}"
        if canary[-_CHECK_CHARACTERS:] == _check(canary[:-_CHECK_CHARACTERS]):
            yield match, canary


def _check(unchecked: str) -> str:
    return base64.b32encode(hashlib.sha256(unchecked.encode()).digest())[:_CHECK_CHARACTERS].decode().lower()
