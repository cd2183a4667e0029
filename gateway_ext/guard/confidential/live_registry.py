"""The registry as a running process sees it: what another process registers is in force within a second."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.confidential.documents import DocumentClassifier
from gateway_ext.guard.confidential.registry import load
from gateway_ext.guard.confidential.shingles import Shingler

POLL_SECONDS = 1.0

_log = logging.getLogger(__name__)

_Version = tuple[int, int, int]
"""Inode, time of change and size of a file: it is replaced as a whole, so any change alters them."""


class Registry:
    """Holds the classifier of the registry at `path`. Raises ConfigurationError when it cannot be read at first."""

    def __init__(self, path: Path, key: bytes, clock: SystemClock | None = None) -> None:
        self._path = path
        self._key = key
        self._shingler = Shingler(key)
        self._monotonic_ns = (clock or SystemClock()).monotonic_ns
        self._version = self._on_disk()
        self._classifier = DocumentClassifier(load(path, key), self._shingler)
        self._next_poll_ns = self._monotonic_ns() + int(POLL_SECONDS * 1e9)
        self._reload: threading.Thread | None = None

    def current(self) -> DocumentClassifier:
        """The classifier in force: another object after every change. Costs at most a `stat` a second; never waits."""
        now_ns = self._monotonic_ns()
        if now_ns >= self._next_poll_ns and (self._reload is None or not self._reload.is_alive()):
            self._next_poll_ns = now_ns + int(POLL_SECONDS * 1e9)
            if self._on_disk() != self._version:
                self._reload = threading.Thread(target=self.refresh, name="documents", daemon=True)
                self._reload.start()
        return self._classifier

    def refresh(self) -> bool:
        """Read the registry again if it has changed; whether it is in force. What cannot be read changes nothing."""
        version = self._on_disk()
        if version == self._version:
            return True
        self._version = version  # also of a bad one: it is said once, not every second
        if version is None:
            _log.error(
                "%s: the document registry is gone; the last good one stays in force until a restart", self._path
            )
            return False
        try:
            self._classifier = DocumentClassifier(load(self._path, self._key), self._shingler)
        except ConfigurationError as error:
            _log.error("document registry not taken, the last good one stays in force: %s", error.diagnostics())
            return False
        _log.info("document registry: %d documents", len(self._classifier.documents))
        return True

    def _on_disk(self) -> _Version | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
