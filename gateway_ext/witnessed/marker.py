"""The witness beside the store: which store it must be, and how far it had come.

A store that was removed, replaced or put back from an older copy would silently undo what was ordered or withdrawn. The
marker is in a file of its own, written after each change is durable, so that such a store is recognised and refused.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway_ext.private_files import PRIVATE, write_whole


@dataclass(frozen=True, slots=True)
class Marker:
    """The store's id, and the number of changes it had seen at least."""

    store_id: str
    generation: int


def read_marker(path: Path) -> Marker | None:
    """None when there is none. Raises OSError, and ValueError when it is damaged."""
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    match values:
        case {"store_id": str(store_id), "generation": int(generation)}:
            return Marker(store_id, generation)
    raise ValueError("not a marker")


def write_marker(path: Path, marker: Marker) -> None:
    """Replace the marker as a whole. Raises OSError; the old one then still stands."""
    write_whole(path, json.dumps(asdict(marker)).encode(), PRIVATE)
