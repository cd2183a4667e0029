"""International Bank Account Numbers: ISO 13616, check digits by ISO 7064 MOD 97-10, compact or in printed groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

from stdnum import iban

from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer


def _lengths() -> dict[str, int]:
    """Characters of an IBAN by country, from the SWIFT registry as bundled with python-stdnum."""
    registry = resources.files("stdnum").joinpath("iban.dat").read_text(encoding="utf-8")
    entries = re.findall(r'^([A-Z]{2}) .*bban="([^"]+)"', registry, re.MULTILINE)
    return {country: 4 + sum(map(int, re.findall(r"(\d+)!", structure))) for country, structure in entries}


LENGTHS = _lengths()

_COUNTRIES = "|".join(sorted(LENGTHS))
_FLAGS = re.ASCII | re.IGNORECASE
_HEAD = re.compile(rf"(?<![A-Z0-9])(?:{_COUNTRIES})\d{{2}}", _FLAGS)
_WHOLE = {
    length: re.compile(rf"[A-Z]{{2}}\d{{2}}(?:[ .-]?[A-Z0-9]){{{length - 4}}}(?![A-Z0-9])", _FLAGS)
    for length in set(LENGTHS.values())
}


class PrintedIbanRecognizer(GuardRecognizer):
    ENTITY = "IBAN_CODE"
    # Without the boundary in front: what counts as a letter there, Hyperscan and `re` see differently (ſ, K).
    PATTERNS = (re.compile(rf"(?:{_COUNTRIES})\d{{2}}(?:[ .-]?[A-Z0-9]){{{min(LENGTHS.values()) - 4}}}", _FLAGS),)

    def candidates(self, text: str) -> Iterator[Candidate]:
        for head in _HEAD.finditer(text):
            whole = _WHOLE[LENGTHS[head[0][:2].upper()]].match(text, head.start())
            # Not checked against registers of banks, which lag behind.
            if whole and iban.is_valid(whole[0], check_country=False):
                yield whole.start(), whole.end(), 0.99

    def normalized(self, value: str) -> str:
        return str(iban.compact(value))
