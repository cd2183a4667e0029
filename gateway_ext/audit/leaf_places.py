"""In which segment a leaf of a log's tree stands: a file of lines `SEGMENT FIRST_LEAF`, appended to as segments begin.

Kept for segments that were deleted, too. Lost, it is made anew with the tree (lane_tree.py).
"""

from __future__ import annotations

import os
from bisect import bisect_right
from pathlib import Path

from gateway_ext.private_files import PRIVATE, write_whole


class LeafPlaces:
    """The places of one log. Raises OSError; ValueError when the file is damaged."""

    def __init__(self, path: Path):
        self._path = path
        self._firsts: dict[int, int] = {}
        try:
            *lines, _torn = path.read_text("ascii").split("\n")
            for line in lines:
                segment, first_leaf = map(int, line.split())
                self._firsts[segment] = first_leaf
        except FileNotFoundError:
            pass
        except ValueError:
            raise ValueError(f"{path} is damaged") from None

    def first_leaf(self, segment: int) -> int | None:
        return self._firsts.get(segment)

    def leaves_of(self, segment: int) -> range | None:
        """The leaves of a segment that another one follows. None when that is not known."""
        first = self._firsts.get(segment)
        following = min((number for number in self._firsts if number > segment), default=None)
        return None if first is None or following is None else range(first, self._firsts[following])

    def begins(self) -> list[tuple[int, int]]:
        """The first leaf of each segment, and its number, ascending."""
        return sorted((first, segment) for segment, first in self._firsts.items())

    def segment_of(self, leaf: int) -> int | None:
        """The last segment that begins at or before the leaf: the one that holds it, or will."""
        segments = sorted(self._firsts)
        at = bisect_right(segments, leaf, key=lambda segment: self._firsts[segment])
        return segments[at - 1] if at else None

    def begin(self, segment: int, first_leaf: int) -> None:
        """Records of `segment` follow now."""
        self._firsts[segment] = first_leaf
        with open(self._path, "a", encoding="ascii", opener=_private) as file:
            file.write(f"{segment} {first_leaf}\n")

    def cut(self, leaves: int) -> None:
        """Forget the segments that begin behind the first `leaves` leaves. Durable when this returns."""
        self._firsts = {segment: first for segment, first in sorted(self._firsts.items()) if first <= leaves}
        content = "".join(f"{segment} {first}\n" for segment, first in self._firsts.items())
        write_whole(self._path, content.encode(), PRIVATE)

    def sync(self) -> None:
        if self._path.exists():
            with self._path.open("rb") as file:
                os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
