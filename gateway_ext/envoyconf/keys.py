"""Which provider keys are there, and whether one was replaced. Their content is for Envoy alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def key_versions(secrets_directory: Path) -> Mapping[str, str]:
    """For each key file by name, a text that changes when the file does: its time of change and its inode.

    Envoy itself notices only a file that is renamed into place, not one written where it lies, nor the swapped symbolic
    link of a Kubernetes volume. A file that cannot be looked at counts as absent.
    """
    versions = {}
    for path in sorted(secrets_directory.glob("*")):
        try:
            found = path.stat()
        except OSError:
            continue
        versions[path.name] = f"{found.st_mtime_ns}-{found.st_ino}"
    return versions
