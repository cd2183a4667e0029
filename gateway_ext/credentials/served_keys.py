"""The key sets that Envoy is to serve itself (listener `keys`): those that are published now."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

from gateway_ext.credentials.credential import ISSUERS
from gateway_ext.credentials.key_set import KeySet, PublishedKey, parse
from gateway_ext.credentials.signing import public_jwk
from gateway_ext.errors import ConfigurationError

_log = logging.getLogger(__name__)


class ServedKeys:
    """The key sets as good as they last were: a file that is damaged while the gateway runs refuses no token."""

    def __init__(self, published_dir: Path) -> None:
        self._published_dir = published_dir
        self._last_good: Mapping[str, str] = {}
        self._complaint = ""

    def current(self, now_unix: int) -> Mapping[str, str]:
        """JWKS documents by the issuer's name; none while there never was a good one."""
        complaint = ""
        try:
            self._last_good = served_key_sets(self._published_dir, now_unix)
        except ConfigurationError as error:
            complaint = error.diagnostics()
        if complaint and complaint != self._complaint:
            _log.error("keys not taken, those in force stay: %s", complaint)
        self._complaint = complaint
        return self._last_good


def served_key_sets(published_dir: Path, now_unix: int) -> Mapping[str, str]:
    """JWKS documents of all our issuers by name, without the keys whose time is over.

    An issuer that has published nothing gets a key that nobody holds. Raises ConfigurationError when one is damaged.
    """
    return {
        issuer.name: _published(published_dir / f"{issuer.name}.json", issuer.name, now_unix).document(with_times=False)
        for issuer in ISSUERS.values()
    }


def _published(path: Path, name: str, now_unix: int) -> KeySet:
    try:
        return parse(name, path.read_text(encoding="utf-8")).published(now_unix)
    except FileNotFoundError:
        return _nobodys(name)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read ({type(error).__name__})") from error


def _nobodys(name: str) -> KeySet:
    # Envoy takes a set without a key for a failed fetch, and would ask and complain for ever. The public half is a hash, so
    # that anybody can see that it was not computed from a private one.
    chosen = hashlib.sha256(f"gateway-ext: nobody holds a key of issuer {name}".encode()).digest()
    return KeySet(name, (PublishedKey(public_jwk(chosen), 0),))
