"""Joins the records of an exchange: what was decided, what was made of the answer, how it ended. Pure, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.events import EventName
from gateway_ext.limits import NANO

FORWARDED = frozenset({EventName.DECISION_FORWARDED, EventName.SHADOW_FORWARDED})
ENDED_BY_US = frozenset({EventName.DECISION_REFUSED, EventName.DECISION_ANSWERED, EventName.SHADOW_REFUSED})
OUTCOMES = frozenset({EventName.OUTCOME_SETTLED, EventName.OUTCOME_UNPRICED, EventName.OUTCOME_RECOVERED})

_DECISION_SECONDS = 5.0  # that an outcome waits for its decision, which another process may have written


@dataclass(frozen=True, slots=True)
class Exchange:
    """One that has ended, as far as it is known. `decision` is None when it was recorded before anybody followed.

    `outcome` is None where the gateway answered by itself, and where none came (`is_missing_outcome`).
    """

    decision: Event | None
    outcome: Event | None = None
    inspected: Event | None = None  # what was made of the answer

    @property
    def is_missing_outcome(self) -> bool:
        return self.outcome is None and self.decision is not None and self.decision.name in FORWARDED


@dataclass(slots=True)
class _Open:
    decision: Event
    ends_ns: int
    inspected: Event | None = None


class Exchanges:
    """Those under way. Of more than `open_max`, and past `ttl_seconds()` (longer than any hold lives), the oldest end.

    Times are of one monotonic clock, in nanoseconds.
    """

    def __init__(self, ttl_seconds: Callable[[], float], open_max: int) -> None:
        self._ttl_seconds = ttl_seconds
        self._open_max = open_max
        self._open: dict[str, _Open] = {}  # the oldest first
        self._early: dict[str, tuple[int, Event]] = {}  # outcomes that came before their decision, until when they wait

    def __len__(self) -> int:
        return len(self._open)

    def take(self, event: Event, now_ns: int) -> Iterator[Exchange]:
        """The exchanges that end with this record."""
        name, exchange_id = event.name, event.exchange_id
        if name in FORWARDED:
            if exchange_id in self._early:
                yield Exchange(event, self._early.pop(exchange_id)[1])
            else:
                self._open[exchange_id] = _Open(event, now_ns + int(self._ttl_seconds() * NANO))
        elif name in ENDED_BY_US:
            self._open.pop(exchange_id, None)  # its caller left at the last moment: it was refused after all
            yield Exchange(event)
        elif name == EventName.ANSWER_INSPECTED:
            if exchange_id in self._open:
                self._open[exchange_id].inspected = event
        elif is_end(event):
            if found := self._open.pop(exchange_id, None):
                yield Exchange(found.decision, event, found.inspected)
            else:
                self._early[exchange_id] = now_ns + int(_DECISION_SECONDS * NANO), event
        yield from self._overdue(now_ns)

    def expire(self, now_ns: int) -> Iterator[Exchange]:
        """Those whose other half does not come any more."""
        yield from self._overdue(now_ns)

    def _overdue(self, now_ns: int) -> Iterator[Exchange]:
        while self._open:
            exchange_id, oldest = next(iter(self._open.items()))
            if oldest.ends_ns > now_ns and len(self._open) <= self._open_max:
                break
            del self._open[exchange_id]
            yield Exchange(oldest.decision, None, oldest.inspected)
        while self._early:
            exchange_id, (ends_ns, outcome) = next(iter(self._early.items()))
            if ends_ns > now_ns and len(self._early) <= self._open_max:
                break
            del self._early[exchange_id]
            yield Exchange(None, outcome)


def is_end(event: Event) -> bool:
    """Whether it is the outcome of a forwarded request, told for the first time.

    One that is `corrected` has been told before; a request that was never forwarded has ended with its decision.
    """
    return event.name in OUTCOMES and bool(event.outcome.hold_id) and "corrected" not in event.outcome.flags
