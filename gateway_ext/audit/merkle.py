"""The Merkle tree of RFC 6962 §2.1 over SHA-256: heads, inclusion and consistency proofs, and their verification. Pure.

A subtree `(start, end)` is the tree over leaves start … end-1; the root of a tree of n leaves is that of (0, n). A *node*
`(level, index)` is a complete subtree of 2**level leaves, from leaf index * 2**level on: its hash never changes again.
Verification follows RFC 9162 §2.1.3.2 and §2.1.4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()

Subtree = tuple[int, int]
NodeOf = Callable[[int, int], bytes]  # (level, index) → hash


def leaf_hash(record: bytes) -> bytes:
    return sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class TreeHead:
    """The head of a growing tree: no more than one hash for each binary digit of its size."""

    def __init__(self, size: int = 0, node_of: NodeOf | None = None):
        """An empty head, or that of a tree of `size` leaves whose complete nodes `node_of` knows."""
        self.size = size
        self._peaks: list[bytes] = []  # of the complete subtrees, from the left: the largest first
        if size:
            assert node_of is not None
            self._peaks = [node_of(*node) for node in _nodes(0, size)]

    def append(self, leaf: bytes) -> list[bytes]:
        """Take one more leaf, by its hash. Returns the nodes it completes: itself, then upwards."""
        completed = [leaf]
        size = self.size
        while size & 1:
            completed.append(node_hash(self._peaks.pop(), completed[-1]))
            size >>= 1
        self._peaks.append(completed[-1])
        self.size += 1
        return completed

    def root(self) -> bytes:
        return _joined(self._peaks)

    def peaks(self) -> tuple[bytes, ...]:
        """The hashes of the complete subtrees it consists of, from the left: all that is needed to go on (`head_of`)."""
        return tuple(self._peaks)


def head_of(size: int, peaks: Sequence[bytes]) -> TreeHead:
    """The head of a tree of `size` leaves with these peaks. Raises ValueError when it would have another number of them."""
    if size < 0 or len(peaks) != size.bit_count() or any(len(peak) != HASH_BYTES for peak in peaks):
        raise ValueError(f"a tree of {size} leaves does not consist of these subtrees")
    given = iter(peaks)
    return TreeHead(size, lambda _level, _index: next(given))


def subtree_hash(subtree: Subtree, node_of: NodeOf) -> bytes:
    """The hash of a subtree as proofs use them: one whose start is a multiple of the power of two that holds it."""
    return _joined([node_of(*node) for node in _nodes(*subtree)])


def inclusion_path(index: int, size: int) -> list[Subtree]:
    """The subtrees whose hashes prove leaf `index` in a tree of `size`, the leaf's sibling first (RFC 6962 §2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[Subtree] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_path(old_size: int, size: int) -> list[Subtree]:
    """The subtrees whose hashes prove that a tree of `size` begins with one of `old_size` (RFC 6962 §2.1.2)."""
    if not 0 <= old_size <= size:
        raise ValueError(f"a tree of {size} cannot begin with one of {old_size}")
    if old_size in {0, size}:
        return []
    path: list[Subtree] = []
    start, end = 0, size
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    if start:  # else the old root itself, which the verifier has
        path.append((start, end))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that leaf `index` of the tree with this size and root has the hash `leaf`."""
    if not 0 <= index < size:
        return False
    at, last = index, size - 1
    found = leaf
    for each in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(each, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, each)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree with this size and root begins with the old one."""
    if not 0 <= old_size <= size:
        return False
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    if old_size == size:
        return not proof and old_root == root
    hashes = iter(proof if old_size & (old_size - 1) else [old_root, *proof])
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_found = found = next(hashes, b"")
    for each in hashes:
        if last == 0:
            return False
        if at & 1 or at == last:
            old_found, found = node_hash(each, old_found), node_hash(each, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, each)
        at, last = at >> 1, last >> 1
    return last == 0 and old_found == old_root and found == root


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _nodes(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The complete nodes that a subtree consists of, from the left."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _joined(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    found = peaks[-1]
    for left in reversed(peaks[:-1]):
        found = node_hash(left, found)
    return found
