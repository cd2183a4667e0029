"""The header `traceparent` (W3C Trace Context Level 2, §3.2): which trace a request is part of, and which span asks.

It is the caller's word: it names, and decides nothing. A header that is not exactly as the standard has it counts as none,
so what is recorded of it is 48 hexadecimal digits and one flag, never a text.
"""

from __future__ import annotations

import re

from gateway_ext.exchange import TraceParent

# Version 00 ends behind the flags; a later one may go on behind another '-'. Version ff and ids of zeros are invalid.
_TRACEPARENT = re.compile(
    r"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
_SAMPLED = 0x01


def read_traceparent(header: str | None) -> TraceParent | None:
    """None when there is none, or no valid one; also when it came twice, which Envoy joins by a comma."""
    found = _TRACEPARENT.fullmatch(header) if header else None
    if found is None or (found["version"] == "00" and found["more"]):
        return None
    return TraceParent(found["trace"], found["span"], bool(int(found["flags"], 16) & _SAMPLED))
