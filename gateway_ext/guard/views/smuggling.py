"""Text in characters that nobody sees: tags (U+E0020 … U+E007E stand for ASCII) and variation selectors.

Variation selectors 1 to 256 can stand for the bytes 0 to 255; their use proper is one behind a visible character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gateway_ext.guard.views.escapes import bytes_as_text
from gateway_ext.guard.views.excerpts import Run, excerpts
from gateway_ext.guard.views.offsets import Part, View, parts_by_width

_TAGS = "\U000e0020-\U000e007e"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"

HINTS = (r"\xF3\xA0[\x80\x81\x84-\x87]|(?:\xEF\xB8[\x80-\x8F]){4}",)
SIGNS: Sequence[re.Pattern[str]] = (
    re.compile(f"(?:^|[^{_TAGS}])[{_TAGS}]{{4}}", re.ASCII),
    re.compile(f"(?:^|[^{_SELECTORS}])[{_SELECTORS}]{{4}}", re.ASCII),
)

_RUN = re.compile(f"(?P<tags>[{_TAGS}]{{4,}})|[{_SELECTORS}]{{4,}}")
_TO_ASCII = {0xE0000 + code: code for code in range(0x20, 0x7F)}


def read(source: View, positions: Sequence[int]) -> Iterator[View]:
    first = max(0, min(positions) - 8)
    yield from excerpts(source, (_run(match) for match in _RUN.finditer(source.text, first)))


def _run(match: re.Match[str]) -> Run:
    start, end = match.span()
    if match["tags"]:
        return Run(start, end, [Part(match[0].translate(_TO_ASCII), start, end, 1, 1)])
    codes = map(ord, match[0])
    data = bytes(code - 0xFE00 if code < 0x10000 else code - 0xE0100 + 16 for code in codes)
    return Run(start, end, parts_by_width(*bytes_as_text(data), start))
