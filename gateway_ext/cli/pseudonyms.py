"""People in a report that is handed on: by a keyed fingerprint, the same each time, instead of by name."""

from __future__ import annotations

from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.settings import Settings


class Pseudonyms:
    """Made with the key of the findings' fingerprints, and for another purpose: none of them equals that of a finding."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigurationError without a key: fingerprints by a new one would be different each time."""
        path = settings.layout.fingerprint_key
        try:
            self._fingerprints = Fingerprints(path.read_bytes())
        except OSError as error:
            raise ConfigurationError(
                f"{path}: the fingerprint key cannot be read ({error.strerror}); a processor makes it at its first start"
            ) from None

    def of(self, name: str) -> str:
        """As long for each name; nothing for none."""
        return f"~{self._fingerprints.of_value(f'payer:{name}')[:16]}" if name else ""
