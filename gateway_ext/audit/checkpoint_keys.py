"""The key that checkpoints are signed with, in a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import PRIVATE, make_private_directory, read_private, write_whole


@dataclass(frozen=True, slots=True)
class FileNoteSigner:
    """A NoteSigner whose key was read from a file. The key stays out of repr."""

    public_key: bytes
    _key: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def load_or_make_key(path: Path) -> FileNoteSigner:
    """The key of a file (PKCS #8 PEM, mode 0600), made on first use. Raises ConfigurationError."""
    try:
        if not path.exists():
            make_private_directory(path.parent)
            private = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            write_whole(path, private, PRIVATE)
        key = serialization.load_pem_private_key(read_private(path), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path}: cannot be read or made as a private key ({type(error).__name__})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path}: expected an Ed25519 key; move it away to have a new one made")
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return FileNoteSigner(public, key)
