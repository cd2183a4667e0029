"""MAC addresses: IEEE 802, 48 bits as six pairs of hexadecimal digits or three groups of four.

An address of a device identifies its user. Group addresses and those of nobody, such as broadcast, do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.personal.recognizer import Candidate, GuardRecognizer

_FLAGS = re.ASCII | re.IGNORECASE
_PAIRS = r"[0-9A-F]{2}([:-])(?:[0-9A-F]{2}\1){4}[0-9A-F]{2}"
_FOURS = r"[0-9A-F]{4}\.[0-9A-F]{4}\.[0-9A-F]{4}"
_MAC = re.compile(rf"(?<![\w:.-])(?:{_PAIRS}|{_FOURS})(?!\w|[:.-]\w)", _FLAGS)
_MULTICAST_BIT = 0x01


class MacAddressRecognizer(GuardRecognizer):
    ENTITY = "MAC_ADDRESS"
    PATTERNS = (
        re.compile(r"[0-9A-F]{2}:(?:[0-9A-F]{2}:){4}[0-9A-F]{2}", _FLAGS),
        re.compile(r"[0-9A-F]{2}-(?:[0-9A-F]{2}-){4}[0-9A-F]{2}", _FLAGS),
        re.compile(_FOURS, _FLAGS),
    )

    def candidates(self, text: str) -> Iterator[Candidate]:
        for match in _MAC.finditer(text):
            digits = self.normalized(match[0])
            is_group = bool(int(digits[:2], 16) & _MULTICAST_BIT)
            is_made_up = len(set(digits)) == 1  # 00:00:00:00:00:00
            is_only_decimal = ":" not in match[0] and digits.isdecimal()  # 20-26-03-02-10-15
            if not (is_group or is_made_up or is_only_decimal):
                yield match.start(), match.end(), 0.9

    def normalized(self, value: str) -> str:
        return re.sub("[:.-]", "", value).lower()
