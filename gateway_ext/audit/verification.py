"""Whether records are those that a checkpoint covers, and which one is the first that is not. Reads nothing by itself.

Of an erased record the hash of its leaf is left (erased.py), which has to be the one that was signed.

The checkpoint's root decides. The log's file of hashes need not be trusted, as it has to have that root too; with it the
first wrong leaf has a name, and records that are not kept any more do not stand in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from gateway_ext.audit.checkpoint import Checkpoint
from gateway_ext.audit.encoding import decode_event
from gateway_ext.audit.erased import Leaf, leaves_in
from gateway_ext.audit.merkle import TreeHead
from gateway_ext.audit.segments import Frame, scan

Hashes = Callable[[], Iterator[bytes]]  # of the leaves, from the first one on, each time


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fault` says what is wrong, empty: nothing. `bad_leaf` is the first wrong leaf, where it can be told.

    `verified` records are as they were when the checkpoint was signed, `erased` ones were as it says; `later` ones it does
    not cover.
    """

    fault: str = ""
    bad_leaf: int | None = None
    verified: int = 0
    later: int = 0
    erased: int = 0


class Records:
    """The leaves of whole segments, in order, as often as they are asked for. `segments` reads them again each time."""

    def __init__(self, segments: Callable[[], Iterable[bytes]]):
        self._segments = segments
        self.foreign_bytes = 0  # between and behind records, that are none
        self.first_foreign: int | None = None  # before which record, counted from 0, they stand first
        self.erased: list[tuple[int, int]] = []  # runs of erased ones, first and last, counted from 0
        self.erased_before_unix_nano = (
            0  # when the first record behind the last erased one was written; 0: there is none
        )

    def __iter__(self) -> Iterator[Leaf]:
        self.foreign_bytes, self.first_foreign = 0, None
        self.erased, self.erased_before_unix_nano = [], 0
        count = 0
        for data in self._segments():
            whole_bytes = 0
            for part in scan(data):
                if isinstance(part, Frame):
                    whole_bytes = part.end
                    for leaf in leaves_in(part.payload):
                        self._note(leaf, count)
                        count += 1
                        yield leaf
                else:
                    self._met(part.end - part.start, count)
            self._met(len(data) - whole_bytes, count)

    def _note(self, leaf: Leaf, place: int) -> None:
        if leaf.record is None:
            is_next = bool(self.erased) and self.erased[-1][1] == place - 1
            first = self.erased.pop()[0] if is_next else place
            self.erased.append((first, place))
        elif self.erased and self.erased[-1][1] == place - 1:
            self.erased_before_unix_nano = _time_of(leaf.record)

    def _met(self, size_bytes: int, count: int) -> None:
        if size_bytes:
            self.foreign_bytes += size_bytes
            self.first_foreign = count if self.first_foreign is None else self.first_foreign


def verify_by_hashes(
    records: Iterable[Leaf], hashes: Hashes, checkpoint: Checkpoint, old: Checkpoint | None = None, first_leaf: int = 0
) -> Verdict:
    """Compare records, from leaf `first_leaf` on, with the file of hashes.

    Raises ValueError when that is not the one of the checkpoint.
    """
    sizes = {checkpoint.size, old.size if old else 0}
    roots = _roots(hashes(), sizes)
    if roots.get(checkpoint.size) != checkpoint.root:
        raise ValueError("the file of hashes is not the one of this checkpoint, or was changed; go without it")
    if fault := _rolled_back(roots, checkpoint, old):
        return Verdict(fault)
    found = iter(records)
    erased = 0
    for leaf, expected in enumerate(islice(hashes(), first_leaf, checkpoint.size), first_leaf):
        there = next(found, None)
        if there is None:
            return Verdict(f"truncated: leaf {leaf} and those behind it are missing", leaf, leaf - first_leaf)
        if there.hash != expected:
            return Verdict(_said(leaf, there.hash, hashes, checkpoint.size), leaf, leaf - first_leaf)
        erased += there.record is None
    return Verdict(verified=checkpoint.size - first_leaf - erased, later=sum(1 for _ in found), erased=erased)


def verify_by_root(records: Records, checkpoint: Checkpoint, old: Checkpoint | None = None) -> Verdict:
    """Compare all records of a log, from its beginning, with the checkpoint's root alone."""
    count = erased = 0

    def leaves() -> Iterator[bytes]:
        nonlocal count, erased
        for leaf in records:
            erased += leaf.record is None and count < checkpoint.size
            count += 1
            yield leaf.hash

    hashes = leaves()
    roots = _roots(hashes, {checkpoint.size, old.size if old else 0})
    for _ in hashes:
        pass
    later = max(0, count - checkpoint.size)
    if roots.get(checkpoint.size) == checkpoint.root:
        return Verdict(_rolled_back(roots, checkpoint, old), None, checkpoint.size - erased, later, erased)
    places = [place for place in (records.first_foreign, _first_gap(records)) if place is not None]
    suspect = min((place for place in places if place < checkpoint.size), default=None)
    if suspect is None and count < checkpoint.size:
        return Verdict(f"truncated: leaf {count} and those behind it are missing", count)
    if suspect is None:
        return Verdict(
            f"changed: one of leaves 0 to {checkpoint.size - 1}; the log's file of hashes tells which (--hashes)"
        )
    return Verdict(f"changed: leaf {suspect} is damaged, missing or moved", suspect)


def _roots(leaves: Iterator[bytes], sizes: set[int]) -> dict[int, bytes]:
    """The roots at these sizes, as far as there are leaves. Takes no more of them than it needs."""
    head = TreeHead()
    found = {0: head.root()}
    for leaf in islice(leaves, max(sizes)):
        head.append(leaf)
        if head.size in sizes:
            found[head.size] = head.root()
    return found


def _rolled_back(roots: dict[int, bytes], checkpoint: Checkpoint, old: Checkpoint | None) -> str:
    if old is None:
        return ""
    if old.size > checkpoint.size:
        return f"rolled back: the older checkpoint covers {old.size} leaves, this one {checkpoint.size}"
    if roots.get(old.size) != old.root:
        return f"rolled back: the first {old.size} leaves are not those that the older checkpoint covers"
    return ""


def _said(leaf: int, actual: bytes, hashes: Hashes, size: int) -> str:
    """What happened to a leaf, as far as what stands in its place tells."""
    for other, expected in enumerate(islice(hashes(), size)):
        if expected == actual:
            return f"changed: leaf {leaf} is missing or moved; in its place stands leaf {other}"
    return f"changed: leaf {leaf} was edited, or a record was put in before it"


def _first_gap(records: Iterable[Leaf]) -> int | None:
    """The first place where the sequence of a run breaks off: something was taken out, put in or moved."""
    run_id, sequence = "", 0
    erased = 0  # right before
    for place, leaf in enumerate(records):
        if leaf.record is None:
            erased += 1
            continue
        try:
            event = decode_event(leaf.record)
        except ValueError:
            return place
        expected = sequence + erased + 1 if event.run_id == run_id else 1
        if event.sequence != expected and not (
            erased and event.run_id != run_id
        ):  # it may have begun in what is erased
            return place
        run_id, sequence, erased = event.run_id, event.sequence, 0
    return None


def _time_of(record: bytes) -> int:
    try:
        return decode_event(record).time_unix_nano
    except ValueError:
        return 0
