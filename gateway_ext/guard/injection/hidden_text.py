"""Text that a person does not see and a model reads.

Unicode tag characters (each stands for an ASCII letter), runs of zero-width characters and of variation selectors,
overrides of direction (CVE-2021-42574, "Trojan Source"), and orders in HTML comments or in elements styled away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.catalog import INJECTION
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.injection.extraction import EXTRACTIONS
from gateway_ext.guard.injection.overrides import OVERRIDES
from gateway_ext.guard.injection.phrases import exact, exact_in_lower_case, wide
from gateway_ext.guard.injection.role_spoofs import ROLE_SPOOFS

_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}", re.ASCII)
_BLACK_FLAG = "\U0001f3f4"
_FLAG_TAGS_MAX = 6  # regions such as `gbeng` (UTS #51, emoji tag sequences)
_ZERO_WIDTH = re.compile("[\u180e\u200b-\u200f\u2060-\u2064\ufeff]{8,}", re.ASCII)
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{5,}", re.ASCII)
_DIRECTION = re.compile("[\u202d\u202e]", re.ASCII)

_COMMENT = re.compile(r"<!--|^\[//\]: # ", re.ASCII | re.MULTILINE)
_STYLES = (
    r"style\s{0,3}=\s{0,3}[\"'][^\"'\n]{0,200}(?:display\s{0,2}:\s{0,2}none|visibility\s{0,2}:\s{0,2}hidden|font-size\s{0,2}:\s{0,2}[01](?:px|pt|em)?\s{0,2}[;\"']"
    r"|opacity\s{0,2}:\s{0,2}0(?:\.0\d?)?\s{0,2}[;\"']|color\s{0,2}:\s{0,2}(?:#fff(?:fff)?|white|transparent)\b)"
)
_STYLED_AWAY = exact([_STYLES])[0]
_CONTENT_CHARACTERS_MAX = 1_000
_ORDERS = exact_in_lower_case((*OVERRIDES, *EXTRACTIONS, *ROLE_SPOOFS))


class HiddenTextDetector(Detector):
    name = "injection_hidden_text"
    version = "1"
    data_class = INJECTION
    patterns = (_TAGS, _ZERO_WIDTH, _SELECTORS, _DIRECTION, _COMMENT, *wide([_STYLES]))

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        for match in _TAGS.finditer(text, start, end):
            is_flag = text.endswith(_BLACK_FLAG, 0, match.start()) and len(match[0]) <= _FLAG_TAGS_MAX
            if not is_flag:
                yield Span(*match.span(), 0.99, match[0])
        for pattern in (_ZERO_WIDTH, _SELECTORS, _DIRECTION):
            for match in pattern.finditer(text, start, end):
                yield Span(*match.span(), 0.9, match[0])
        for pattern, closing in ((_COMMENT, "-->"), (_STYLED_AWAY, "</")):
            yield from _orders(text, start, end, pattern, closing)


def _orders(text: str, start: int, end: int, opening: re.Pattern[str], closing: str) -> Iterator[Span]:
    """Orders between an opening in the passage and what closes it, each stretch read once."""
    position = start
    while match := opening.search(text, position, end):
        limit = match.end() + _CONTENT_CHARACTERS_MAX
        last = text.find(closing, match.end(), limit)
        last = min(limit, len(text)) if last < 0 else last
        content = text[match.end() : last].lower()
        if any(order.search(content) for order in _ORDERS):
            yield Span(match.start(), last, 0.9, text[match.start() : last])
        position = max(match.end(), last)
