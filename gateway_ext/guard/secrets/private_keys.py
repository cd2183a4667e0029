"""Private keys in PEM (RFC 7468), OpenPGP armor (RFC 9580) and PuTTY's format, from first line to last."""

from __future__ import annotations

import re
from collections.abc import Iterator

from detect_secrets.plugins.private_key import PrivateKeyDetector as Plugin

from gateway_ext.guard.catalog import SECRET
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.secrets.plugins import LIBRARY_VERSION, ascii_pattern

KEY_CHARACTERS_MAX = 32 * 1024  # a 16384-bit RSA key takes 13 KB

_LAST_LINE = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|Private-MAC: *[0-9a-f]{1,64}", re.ASCII)
# A key whose end is missing: further lines, or escaped line ends, of nothing but base64.
_BODY = re.compile(r"-{0,5}(?:(?:\s|\\[nr]){0,4}[A-Za-z0-9+/=]{16,}){0,2000}", re.ASCII)


class PrivateKeyDetector(Detector):
    """Finds the header by detect-secrets' patterns and takes the key that follows it."""

    name = "private_key"
    version = LIBRARY_VERSION
    data_class = SECRET
    patterns = tuple(ascii_pattern(pattern) for pattern in Plugin.denylist)

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        passage = text[start:end]
        for pattern in self.patterns:
            for match in pattern.finditer(passage):
                first, header_end = start + match.start(), start + match.end()
                first -= 5 if text.endswith("-----", 0, first) else 0
                last = self._end_of_key(text, header_end)
                confidence = 0.99 if last > header_end + 64 else 0.5
                yield Span(first, last, confidence, text[first:last])

    @staticmethod
    def _end_of_key(text: str, header_end: int) -> int:
        limit = header_end + KEY_CHARACTERS_MAX
        last_line = _LAST_LINE.search(text, header_end, limit)
        if last_line:
            return last_line.end()
        body = _BODY.match(text, header_end, limit)
        return body.end() if body else header_end
