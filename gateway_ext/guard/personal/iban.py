"""International Bank Account Numbers: ISO 13616, check digits by ISO 7064 MOD 97-10, compact or in printed groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

from stdnum import iban

from gateway_ext.guard.lazy_pattern import LazyPattern
from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer


def _structures() -> dict[str, str]:
    """What an IBAN holds behind its check digits by country: n, a or c for each character, as in `nnnnnnnncccc`.

    From the SWIFT registry as bundled with python-stdnum.
    """
    registry = resources.files("stdnum").joinpath("iban.dat").read_text(encoding="utf-8")
    entries = re.findall(r'^([A-Z]{2}) .*bban="([^"]+)"', registry, re.MULTILINE)
    return {
        country: "".join(kind * int(count) for count, kind in re.findall(r"(\d+)!([nac])", structure))
        for country, structure in entries
    }


_STRUCTURES = _structures()
LENGTHS = {country: 4 + len(structure) for country, structure in _STRUCTURES.items()}
"""Characters of an IBAN by country."""

_FLAGS = re.ASCII | re.IGNORECASE
_KINDS = {"n": r"\d", "a": "[A-Z]", "c": "[A-Z0-9]"}
_GAP = "[ .-]?"
_PREFILTERED_CHARACTERS = min(map(len, _STRUCTURES.values()))
_HEAD = re.compile(rf"(?<![A-Z0-9])({'|'.join(sorted(LENGTHS))})\d{{2}}", _FLAGS)
_WHOLE = {
    length: re.compile(rf"[A-Z]{{2}}\d{{2}}(?:{_GAP}[A-Z0-9]){{{length - 4}}}(?![A-Z0-9])", _FLAGS)
    for length in set(LENGTHS.values())
}


def _prefilter(country: str, structure: str) -> LazyPattern:
    """One pattern a country: many that begin with letters cost Hyperscan less than one that begins with all of them.

    Without the boundary in front: what counts as a letter there, Hyperscan and `re` see differently.
    """
    kinds = "".join(f"{_GAP}{_KINDS[kind]}" for kind in structure[:_PREFILTERED_CHARACTERS])
    return LazyPattern(rf"{country}\d\d{kinds}", _FLAGS)


class PrintedIbanRecognizer(GuardRecognizer):
    ENTITY = "IBAN_CODE"
    PATTERNS = tuple(_prefilter(country, structure) for country, structure in _STRUCTURES.items())
    READS_COMPACT = True

    def candidates(self, text: str) -> Iterator[Candidate]:
        for head in _HEAD.finditer(text):
            whole = _WHOLE[LENGTHS[head[1].upper()]].match(text, head.start())
            # Not checked against registers of banks, which lag behind.
            if whole and iban.is_valid(whole[0], check_country=False):
                yield whole.start(), whole.end(), 0.99

    def normalized(self, value: str) -> str:
        return str(iban.compact(value))
