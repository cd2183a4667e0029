"""One process at a time: an advisory lock on a file, released by the kernel however the process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from gateway_ext.errors import ConfigurationError


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
