"""Write rendered files so that Envoy sees each of them whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write(files: Mapping[str, str], directory: Path) -> tuple[str, ...]:
    """Write `files` (relative name → content) below `directory`, in their order; returns the names that changed.

    Each is written beside its place, synced and renamed into it, which is what Envoy's directory watch reacts to. A file
    with the same content is left alone, so Envoy reloads nothing. Raises OSError; files before the failing one stay.
    """
    changed = tuple(name for name, text in files.items() if _differs(directory / name, text))
    for name in changed:
        _replace(directory / name, files[name].encode())
    return changed


def _differs(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() != text.encode()
    except FileNotFoundError:
        return True


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files for the owner alone; these hold no secrets, and Envoy may run as another user.
        os.chmod(temporary, 0o644)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
