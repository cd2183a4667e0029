"""What has been read of one attachment so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway_ext.attachments.bounds import Bounds, Unreadable
from gateway_ext.attachments.plain import stretches

_WINDOW_BYTES = 256 * 1024  # searched at once, which keeps other threads waiting
_OVERLAP_BYTES = 512


@dataclass(slots=True)
class Reading:
    """`texts` are the content, in order. `asides` stand beside it: metadata, attributes, names; each only once."""

    bounds: Bounds
    texts: list[str] = field(default_factory=list, repr=False)
    asides: dict[str, None] = field(default_factory=dict, repr=False)
    failure: Unreadable | None = None  # the first: why not all is in `texts`

    def add_aside(self, aside: str) -> None:
        """Raises Unreadable past the bounds."""
        if aside and aside not in self.asides:
            self.bounds.charge_text(len(aside))
            self.asides[aside] = None

    def add_stretches(self, data: bytes) -> None:
        """What is printable in bytes that are no text becomes one aside. Raises Unreadable past the bounds."""
        found: dict[str, None] = {}
        for start in range(0, len(data), _WINDOW_BYTES):
            self.bounds.charge_time()
            found.update(dict.fromkeys(stretches(data[max(0, start - _OVERLAP_BYTES) : start + _WINDOW_BYTES])))
        self.add_aside("\n".join(found))

    def fail(self, failure: Unreadable) -> None:
        self.failure = self.failure or failure
