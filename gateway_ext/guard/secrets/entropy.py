"""Quoted strings too random to be words, by detect-secrets' high-entropy plugins. Much that is found is no secret."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from detect_secrets.filters import heuristic
from detect_secrets.plugins.high_entropy_strings import (
    Base64HighEntropyString,
    HexHighEntropyString,
    HighEntropyStringsPlugin,
)

from gateway_ext.guard.catalog import SECRET
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.secrets.plugins import LIBRARY_VERSION, ascii_pattern

_CHARACTERS_MAX = 512  # longer strings are data, such as images; keys of that size have detectors of their own
_CONTEXT_CHARACTERS = 32  # before the quote, where the name of an identifier stands: `user_id: "…"`


class EntropyDetector(Detector):
    """n characters have at most log2(n) bits of Shannon entropy each, which tells the shortest string to look at."""

    version = LIBRARY_VERSION
    data_class = SECRET

    def __init__(self, name: str, plugin: HighEntropyStringsPlugin) -> None:
        self.name = name
        self._plugin = plugin
        self._quoted = ascii_pattern(plugin.regex)
        self._characters_min = math.floor(2**plugin.entropy_limit) + 1
        self.patterns = (re.compile(f"['\"][{re.escape(plugin.charset)}]{{{self._characters_min},}}['\"]", re.ASCII),)

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        passage = text[start:end]
        for match in self._quoted.finditer(passage):
            value = match[2]
            context = passage[max(0, match.start() - _CONTEXT_CHARACTERS) : match.end()]
            if self._characters_min <= len(value) <= _CHARACTERS_MAX and self._is_secret(value, context):
                yield Span(start + match.start(2), start + match.end(2), 0.4, value)

    def _is_secret(self, value: str, context: str) -> bool:
        return (
            self._plugin.calculate_shannon_entropy(value) > self._plugin.entropy_limit
            and not heuristic.is_sequential_string(value)
            and not heuristic.is_potential_uuid(value)
            and not heuristic.is_likely_id_string(value, context, self._plugin)
        )


def entropy_detectors() -> list[Detector]:
    return [
        EntropyDetector("high_entropy_base64", Base64HighEntropyString()),
        EntropyDetector("high_entropy_hex", HexHighEntropyString()),
    ]
