"""Which policy Envoy's files say: a processor names a new deployment only when Envoy has heard of it."""

from __future__ import annotations

from pathlib import Path

FILE = "policy.digest"
"""Beside Envoy's files, written after all of them."""


def is_followed(directory: Path, digest: str) -> bool:
    """Whether the files in `directory` say the policy of that digest, or nobody writes any there. Raises OSError."""
    try:
        return (directory / FILE).read_text() == digest
    except FileNotFoundError:
        return True
