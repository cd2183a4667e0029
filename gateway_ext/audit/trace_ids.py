"""Under which trace and span a decision is found in telemetry: its caller's trace, or one that is called as the exchange.

Ids follow from the records alone, so that whoever makes the span makes the same one (W3C Trace Context: 16 and 8 bytes).
"""

from __future__ import annotations

from hashlib import blake2b

from gateway_ext.audit.encoding import Event

_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8


def trace_id(event: Event) -> int:
    """That of the caller's trace; without one, the exchange's id."""
    if event.decision.HasField("trace_parent"):
        return int.from_bytes(event.decision.trace_parent.trace_id)
    try:
        named = bytes.fromhex(event.exchange_id)
    except ValueError:
        named = b""
    return int.from_bytes(named if len(named) == _TRACE_ID_BYTES else _derived(event, _TRACE_ID_BYTES))


def span_id(event: Event) -> int:
    """That of the exchange's span."""
    return int.from_bytes(_derived(event, _SPAN_ID_BYTES))


def _derived(event: Event, size: int) -> bytes:
    return blake2b(event.exchange_id.encode(), digest_size=size, person=b"gateway-span").digest()
