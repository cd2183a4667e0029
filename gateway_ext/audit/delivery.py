"""What the shipper and an output say to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway_ext.audit.encoding import Event


class Answer(Enum):
    ACCEPTED = "accepted"  # every record, durably as far as the receiver can tell
    REJECTED = "rejected"  # some or all records, because of what they are
    UNREACHABLE = "unreachable"  # nothing is known; the same records may be sent again


@dataclass(frozen=True, slots=True)
class Delivery:
    """`detail` is a status code, an error's name or a count, never a text of the receiver's.

    `retry_after_seconds`: how long the receiver asks to be left alone; 0: as the sender thinks best.
    """

    answer: Answer
    detail: str = ""
    retry_after_seconds: float = 0.0


class Exporter(Protocol):
    async def export(self, events: Sequence[Event]) -> Delivery:
        """Hand over the events, in order. Never raises for what a receiver does."""
        ...
