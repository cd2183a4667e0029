"""The requests a simulator has seen, for tests to look at. Bodies are kept only when asked for: they are prompts."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ENTRIES_MAX = 1_000

# Headers whose values are kept. Of all others only the name is: values may be credentials or a person's data.
HEADERS_KEPT = frozenset(
    {
        "accept",
        "accept-encoding",
        "anthropic-beta",
        "anthropic-version",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "user-agent",
        "x-envoy-attempt-count",
        "x-request-id",
    }
)


@dataclass(slots=True)
class Entry:
    """One request. `status` is 0 until an answer begins; `frames_sent` counts the events of a stream."""

    order: int
    deployment: str
    method: str
    path: str
    body_bytes: int
    body_sha256: str
    header_names: tuple[str, ...]
    headers: Mapping[str, str]
    body: str | None
    status: int = 0
    fault: str | None = None
    frames_sent: int = 0
    ended: str = "running"  # running | complete | cut | client_gone

    def as_document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Journal:
    """The last requests, oldest first, and counts since the start."""

    keeps_bodies: bool = False
    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=ENTRIES_MAX))
    requests: Counter[str] = field(default_factory=Counter)
    disconnects: Counter[str] = field(default_factory=Counter)

    def open(self, deployment: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Entry:
        self.requests[deployment] += 1
        entry = Entry(
            order=self.requests.total(),
            deployment=deployment,
            method=method,
            path=path,
            body_bytes=len(body),
            body_sha256=hashlib.sha256(body).hexdigest(),
            header_names=tuple(sorted(headers)),
            headers={name: value for name, value in headers.items() if name in HEADERS_KEPT},
            body=body.decode("utf-8", "replace") if self.keeps_bodies else None,
        )
        self.entries.append(entry)
        return entry

    def close(self, entry: Entry, ended: str) -> None:
        entry.ended = ended
        if ended == "client_gone":
            self.disconnects[entry.deployment] += 1
