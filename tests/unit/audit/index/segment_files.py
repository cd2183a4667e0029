"""Segments of a log, written as a test wants them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.erased import Leaf, leaves, segment_of
from gateway_ext.audit.segments import frame, segment_path


def write(directory: Path, number: int, *events: Event) -> Path:
    """At the end of a segment, which is made when it is not there."""
    directory.mkdir(parents=True, exist_ok=True)
    path = segment_path(directory, number)
    with path.open("ab") as file:
        file.write(b"".join(frame(event.SerializeToString()) for event in events))
    return path


def erase(path: Path, wanted: Iterable[int]) -> None:
    """Records of a segment, as retention does: in another file in its place."""
    gone = set(wanted)
    found = [Leaf(leaf.hash, None) if number in gone else leaf for number, leaf in enumerate(leaves(path.read_bytes()))]
    other = path.with_suffix(".new")
    other.write_bytes(segment_of(found))
    other.replace(path)
