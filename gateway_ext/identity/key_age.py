"""How old the keys are that Envoy fetched from an identity provider.

Envoy goes on with the keys it has for as long as it cannot fetch others, and tells nobody how old they are. The control
process touches a file for each fetch (key_watch.py); here it is judged. No file, and no control process, count as too old.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway_ext.errors import IdentityProviderUnavailable
from gateway_ext.identity.rules import IssuerRule

RETRY_AFTER_SECONDS = 30  # as often as Envoy tries to fetch them again
# Where none was ever noted: Envoy waits for the keys before it listens, and the control process looks twice a second.
FIRST_RETRY_AFTER_SECONDS = 1


class KeyAges:
    """Judges by the time of change of `<directory>/<issuer>`; without a directory nothing has ever been fetched."""

    def __init__(self, directory: Path | None, now_unix_nano: Callable[[], int]) -> None:
        self._directory = directory
        self._now_unix_nano = now_unix_nano

    def require_fresh(self, issuer: IssuerRule) -> None:
        """Raises IdentityProviderUnavailable when the keys of `issuer` are older than policy allows."""
        if issuer.keys_max_age_seconds is None:
            return
        fetched_unix_nano = self._fetched_unix_nano(issuer.name)
        if fetched_unix_nano is None:
            raise IdentityProviderUnavailable(retry_after_seconds=FIRST_RETRY_AFTER_SECONDS)
        if (self._now_unix_nano() - fetched_unix_nano) / 1_000_000_000 > issuer.keys_max_age_seconds:
            raise IdentityProviderUnavailable(retry_after_seconds=RETRY_AFTER_SECONDS)

    def _fetched_unix_nano(self, issuer: str) -> int | None:
        if self._directory is None:
            return None
        try:
            return (self._directory / issuer).stat().st_mtime_ns
        except OSError:
            return None
