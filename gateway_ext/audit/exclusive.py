"""One process at a time: an advisory lock on a file, released by the kernel however the process ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from gateway_ext.errors import ConfigurationError

_POLL_SECONDS = 0.02


def lock_exclusively(path: Path, meaning: str) -> int:
    """Lock `path` (created with mode 0600) until the returned descriptor is closed.

    Raises ConfigurationError, beginning with `meaning`, when another process holds the lock; OSError otherwise.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ConfigurationError(f"{meaning}: another process holds {path}; stop it first") from None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def wait_exclusively(path: Path, meaning: str, seconds: float) -> int:
    """As lock_exclusively, of a lock that others hold for moments. Blocks up to `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return lock_exclusively(path, meaning)
        except ConfigurationError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_POLL_SECONDS)
