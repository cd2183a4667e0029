"""All nodes of a log's tree in one append-only file, so that proofs read some dozens of hashes and never a record.

Each leaf's hash is followed by the nodes it completes, upwards: after n leaves there are 2n - popcount(n) of them, 32
bytes each, and the place of each follows from its level and index. Nothing of it is secret, and nothing is believed
because it stands there: whoever uses it compares the root with a signed checkpoint.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway_ext.audit.merkle import HASH_BYTES

_CHUNK_NODES = 1 << 15


def stored_nodes(leaves: int) -> int:
    """How many complete nodes a tree of so many leaves has."""
    return 2 * leaves - leaves.bit_count()


class HashFile:
    """Nodes by level and index. One process writes; others may read what a checkpoint covers. Raises OSError."""

    def __init__(self, path: Path, *, writable: bool = False):
        flags = os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY
        self._descriptor = os.open(path, flags | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        os.close(self._descriptor)

    def leaves(self) -> int:
        """How many leaves the file holds with all the nodes they complete. A torn end does not count."""
        nodes = os.fstat(self._descriptor).st_size // HASH_BYTES
        leaves = (nodes + 1) // 2
        while stored_nodes(leaves) <= nodes:
            leaves += 1
        return leaves - 1

    def node(self, level: int, index: int) -> bytes:
        """Raises ValueError for a node that is not there."""
        last_leaf = ((index + 1) << level) - 1
        return self._read(stored_nodes(last_leaf) + level, 1)

    def append(self, nodes: Sequence[bytes]) -> None:
        """Behind what is there, which has to be whole: see `cut`."""
        data = b"".join(nodes)
        end = os.fstat(self._descriptor).st_size
        while data:
            written = os.pwrite(self._descriptor, data, end)
            end, data = end + written, data[written:]

    def cut(self, leaves: int) -> None:
        """Leave the first `leaves` with their nodes."""
        os.ftruncate(self._descriptor, stored_nodes(leaves) * HASH_BYTES)

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def leaf_hashes(self, leaves: int) -> Iterator[bytes]:
        """The hashes of the first `leaves` leaves, in order. Raises ValueError when there are fewer."""
        end = stored_nodes(leaves)
        skipped = 0  # nodes that the last leaf has completed
        index = 0
        for start in range(0, end, _CHUNK_NODES):
            chunk = self._read(start, min(_CHUNK_NODES, end - start))
            for at in range(0, len(chunk), HASH_BYTES):
                if skipped:
                    skipped -= 1
                    continue
                yield chunk[at : at + HASH_BYTES]
                index += 1
                skipped = (index & -index).bit_length() - 1

    def _read(self, node: int, count: int) -> bytes:
        wanted = count * HASH_BYTES
        data = os.pread(self._descriptor, wanted, node * HASH_BYTES)
        if len(data) != wanted:
            raise ValueError("the file of hashes ends early")
        return data
