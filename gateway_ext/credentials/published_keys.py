"""What is published about signing keys: a JWKS file for each issuer. The control process has Envoy serve them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.credentials.key_set import KeySet, parse
from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import PUBLIC, write_whole


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """All methods raise ConfigurationError."""

    directory: Path

    def find(self, name: str) -> KeySet | None:
        try:
            return parse(name, self._file(name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def known(self, name: str) -> KeySet:
        keys = self.find(name)
        if keys is None:
            raise no_key(self._file(name))
        return keys

    def write(self, keys: KeySet) -> KeySet:
        self.directory.mkdir(parents=True, exist_ok=True)
        write_whole(self._file(keys.name), keys.document(with_times=True).encode(), PUBLIC)
        return keys

    def _file(self, name: str) -> Path:
        return self.directory / f"{name}.json"


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """One process at a time changes keys; the kernel releases the lock however it ends. Raises ConfigurationError."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise no_key(directory) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def no_key(where: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{where}: there is no issuer key; run 'gateway-ext up' or 'keys create' once, or name its state directory with"
        " --state"
    )
