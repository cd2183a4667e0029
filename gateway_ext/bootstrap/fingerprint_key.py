"""The key of this machine under which findings and conversations are known again."""

from __future__ import annotations

import os
from pathlib import Path

from gateway_ext.errors import ConfigurationError

_KEY_BYTES = 32


def fingerprint_key(path: Path) -> bytes:
    """The machine's key for findings' fingerprints, made on first use. Raises ConfigurationError.

    Lost: repeats of a value found before can no longer be recognised, nor conversations. Leaked: guesses of a value can be
    confirmed.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # Written under another name first, so that a process that starts at the same time never reads half a key.
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_bytes(os.urandom(_KEY_BYTES))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        key = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: the fingerprint key cannot be made or read ({error.strerror})") from error
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(f"{path}: expected {_KEY_BYTES} bytes; delete it to have a new one made")
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(f"{path}: readable by others; run 'chmod 600' on it")
    return key
