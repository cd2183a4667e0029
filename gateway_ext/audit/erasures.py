"""Announcements of erased records: an order of the operators' log says, before it is done, which leaves of a log will be erased.

One announcement covers one segment and says which of its leaves will be erased then, all of them: those that were erased
before, too. So the newest says what is to be found, and an erasing that a crash kept from being done leaves no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from gateway_ext.audit.encoding import decode_event
from gateway_ext.audit.erased import Leaf
from gateway_ext.audit.events import EventName

SCOPE = "log"
_FORMAT = "leaves {}-{}: {} of them are erased now or were before, SHA-256 {}; their time is over"
_REASON = re.compile(r"leaves (\d+)-(\d+): (\d+) of them are erased now or were before, SHA-256 ([0-9a-f]{64});.*")

Runs = Sequence[tuple[int, int]]
"""Runs of leaves, first and last, ascending; no two of them touch."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Of leaves `first` to `last` those are erased whose runs have this digest."""

    first: int
    last: int
    count: int
    digest: str
    time_unix_nano: int = 0


def runs_of(leaves: Iterable[int]) -> list[tuple[int, int]]:
    """Runs of ascending leaf numbers."""
    runs: list[tuple[int, int]] = []
    for leaf in leaves:
        if runs and runs[-1][1] == leaf - 1:
            runs[-1] = runs[-1][0], leaf
        else:
            runs.append((leaf, leaf))
    return runs


def within(runs: Runs, first: int, last: int) -> list[tuple[int, int]]:
    """What of the runs lies among leaves `first` to `last`."""
    return [(max(first, start), min(last, end)) for start, end in runs if start <= last and end >= first]


def count_of(runs: Runs) -> int:
    return sum(end - start + 1 for start, end in runs)


def digest_of(runs: Runs) -> str:
    """SHA-256, in hexadecimal, over a line `FIRST-LAST` for each run."""
    return sha256("".join(f"{start}-{end}\n" for start, end in runs).encode()).hexdigest()


def reason_for(first: int, last: int, runs: Runs) -> str:
    """The words of the order that announces that of leaves `first` to `last` those of `runs` will be erased."""
    return _FORMAT.format(first, last, count_of(runs), digest_of(runs))


def announced(leaves: Iterable[Leaf], log: str) -> list[Erasure]:
    """What the records of an operators' log announce about `log`."""
    mark = EventName.AUDIT_RECORDS_ERASED.encode()
    return [
        erasure
        for leaf in leaves
        if leaf.record is not None and mark in leaf.record and (erasure := _erasure(leaf.record, log))
    ]


def unannounced(runs: Runs, erasures: Iterable[Erasure]) -> list[tuple[int, int]]:
    """Runs of erased leaves that no announcement explains."""
    explained = {
        (each.first, each.last) for each in erasures if digest_of(within(runs, each.first, each.last)) == each.digest
    }
    rest = list(runs)
    for first, last in sorted(explained):
        rest = [piece for run in rest for piece in _without(run, first, last)]
    return rest


def _without(run: tuple[int, int], first: int, last: int) -> list[tuple[int, int]]:
    pieces = (run[0], min(run[1], first - 1)), (max(run[0], last + 1), run[1])
    return [piece for piece in pieces if piece[0] <= piece[1]]


def _erasure(record: bytes, log: str) -> Erasure | None:
    try:
        event = decode_event(record)
    except ValueError:
        return None
    order = event.order
    found = _REASON.fullmatch(order.reason)
    if event.name != EventName.AUDIT_RECORDS_ERASED or (order.scope, order.value) != (SCOPE, log) or not found:
        return None
    return Erasure(int(found[1]), int(found[2]), int(found[3]), found[4], event.time_unix_nano)
