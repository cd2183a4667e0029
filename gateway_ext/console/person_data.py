"""What the console's store keeps of a person: sessions, and answers that name them. For commands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway_ext.clock import SystemClock
from gateway_ext.console.idempotency import RepeatedRequests
from gateway_ext.console.sessions import Sessions
from gateway_ext.console.store import ConsoleStore
from gateway_ext.limits import NANO


class ConsolePerson:
    """All calls block, and raise ConfigurationError. Without a store there is nothing, and none is made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store = ConsoleStore(path)
        self._clock = SystemClock()

    def sessions(self, name: str) -> list[Mapping[str, Any]]:
        """Without what would open one."""
        return [
            {
                "issuer": each.issuer,
                "subject": each.subject,
                "claims": each.claims,
                "created_unix": each.created_unix,
                "seen_unix": each.seen_unix,
            }
            for each in (self._sessions.all() if self._path.exists() else ())
            if each.subject == name
        ]

    def forget(self, name: str) -> int:
        """End the sessions and delete the answers; how many these were."""
        if not self._path.exists():
            return 0
        repeated = RepeatedRequests(self._store, lambda: self._clock.now_unix_nano() // NANO)
        return self._sessions.forget(name) + repeated.forget(name)

    @property
    def _sessions(self) -> Sessions:
        return Sessions(self._store, self._clock.now_unix_nano)
