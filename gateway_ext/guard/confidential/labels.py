"""Labels by which a document says itself that it is confidential: sensitivity metadata, TLP, classification markings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.catalog import CONFIDENTIAL
from gateway_ext.guard.confidential.classification import ClassificationDetector
from gateway_ext.guard.detector import Detector, Span

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ANY_CASE = re.ASCII | re.IGNORECASE


class LabelDetector(Detector):
    """A label whose form is distinctive enough to decide alone. The first group, lower case, is its normal form."""

    version = "1"
    data_class = CONFIDENTIAL

    def __init__(self, name: str, *patterns: re.Pattern[str]) -> None:
        self.name = name
        self.patterns: tuple[re.Pattern[str], ...] = patterns

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        for pattern in self.patterns:
            for match in pattern.finditer(text, start, end):
                yield Span(match.start(), match.end(), 0.97, match[1].lower())


def label_detectors() -> list[Detector]:
    return [
        LabelDetector(
            "label_mip",
            # Microsoft Purview Information Protection: document properties and e-mail header msip_labels, and the
            # label element of docMetadata/LabelInfo.xml ([MS-OFFCRYPTO] 2.6.4).
            re.compile(rf"MSIP_Label_({_GUID})_[A-Za-z]{{1,32}}", _ANY_CASE),
            re.compile(rf'clbl:label id="(\{{?{_GUID}\}}?)"', _ANY_CASE),
            # RFC 4021, section 2.1.55.
            re.compile(r"^Sensitivity:[ \t]{0,4}(Private|Company-Confidential)\b", _ANY_CASE | re.MULTILINE),
        ),
        # FIRST, Traffic Light Protocol 2.0: in capitals without a space; older documents have one. GREEN and CLEAR
        # may be passed on. Machine tags (`tlp:red`, MISP) are lower case and quoted.
        LabelDetector(
            "label_tlp",
            re.compile(r"TLP: ?(RED|AMBER\+STRICT|AMBER)(?![A-Za-z0-9])", re.ASCII),
            re.compile(r'"tlp:(red|amber\+strict|amber)"', re.ASCII),
        ),
        ClassificationDetector(),
    ]
