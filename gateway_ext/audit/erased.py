"""What stands in a segment in the place of erased records: a frame for each run of them, with their leaf hashes.

Its payload is a mark, then the hashes one behind the other, 32 bytes each. No record begins with the mark: the number of a
field in Protocol Buffers is never 0. The tree is over the hashes, so it stays what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gateway_ext.audit.merkle import HASH_BYTES, leaf_hash
from gateway_ext.audit.segments import Damage, frame, scan

MARK = b"\0erased\n"


class Leaf(NamedTuple):
    """A leaf of a log's tree. `record`: its bytes; None: erased, `hash` is what is left of it."""

    hash: bytes
    record: bytes | None


def leaf_of(record: bytes) -> Leaf:
    return Leaf(leaf_hash(record), record)


def leaves_in(payload: bytes) -> Iterator[Leaf]:
    """The leaves that a frame stands for: one record, or a run of erased ones."""
    if not payload.startswith(MARK) or not _is_run(payload):
        yield leaf_of(payload)
        return
    for start in range(len(MARK), len(payload), HASH_BYTES):
        yield Leaf(payload[start : start + HASH_BYTES], None)


def leaves(data: bytes) -> Iterator[Leaf]:
    """All leaves of a segment's content, in order. What is no frame is passed over."""
    for part in scan(data):
        if not isinstance(part, Damage):
            yield from leaves_in(part.payload)


def segment_of(found: Iterable[Leaf]) -> bytes:
    """The content of a segment of these leaves."""
    frames: list[bytes] = []
    run: list[bytes] = []
    for leaf in found:
        if leaf.record is None:
            run.append(leaf.hash)
            continue
        frames += _of_run(run)
        run.clear()
        frames.append(frame(leaf.record))
    return b"".join([*frames, *_of_run(run)])


def _of_run(run: Sequence[bytes]) -> list[bytes]:
    return [frame(MARK + b"".join(run))] if run else []


def _is_run(payload: bytes) -> bool:
    return len(payload) > len(MARK) and (len(payload) - len(MARK)) % HASH_BYTES == 0
