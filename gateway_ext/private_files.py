"""Files that must be whole or absent, and private where they hold keys."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from gateway_ext.errors import ConfigurationError

PRIVATE = 0o600
PUBLIC = 0o644
_BYTES_MAX = 64 * 1024


def make_private_directory(path: Path) -> None:
    """Create a directory that only its owner may enter (0700); tighten one that exists."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)


def read_private(path: Path) -> bytes:
    """The content of a regular file that is ours and that nobody else may read or write.

    Raises ConfigurationError for one that somebody else may have read or put there: what it holds is no secret any more,
    or never was ours. Raises FileNotFoundError, OSError.
    """
    # Checked on the open file, so that it cannot be swapped in between; a link would be checked instead of its target.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigurationError(f"{path}: not a regular file; a key must be one")
        if found.st_uid != os.geteuid():
            raise ConfigurationError(
                f"{path}: belongs to another user (uid {found.st_uid}); replace it by a key of yours"
            )
        if found.st_mode & 0o077:
            raise ConfigurationError(
                f"{path}: others may access it (mode {stat.S_IMODE(found.st_mode):04o}); if nobody can have read it run"
                " 'chmod 600' on it, otherwise replace the key"
            )
        return file.read(_BYTES_MAX)


def write_whole(path: Path, content: bytes, mode: int) -> None:
    """Replace a file so that a reader sees the old content or the new, never a part, also after a power cut. Raises OSError."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
