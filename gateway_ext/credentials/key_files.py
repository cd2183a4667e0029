"""The signing keys of our issuers as files: Ed25519, PKCS #8 PEM, readable by their owner alone.

`<name>.key` signs; while a rotation is under way `<name>.next.key` lies beside it and takes its place when its time has
come: the private half of a retired key is then gone. Which of the two signs is said by the published set (key_set.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_ext.credentials.key_set import KeySet, PublishedKey
from gateway_ext.credentials.published_keys import PublishedKeys, alone, no_key
from gateway_ext.credentials.rules import DAY_SECONDS, DAYS_MAX
from gateway_ext.credentials.signing import public_jwk
from gateway_ext.errors import ConfigurationError
from gateway_ext.private_files import PRIVATE, make_private_directory, read_private, write_whole


def _nothing() -> None:
    """Not recorded: of a laptop and of tests."""


@dataclass(frozen=True, slots=True)
class FileSigner:
    """A Signer whose key was read from a file. The key stays out of repr."""

    key_id: str
    _key: Ed25519PrivateKey = field(repr=False)
    algorithm: str = "EdDSA"

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """SigningKeys. `private_dir` holds the keys, `published_dir` a JWKS for each issuer."""

    private_dir: Path
    published_dir: Path

    def ensure(self, name: str, now_unix: int) -> None:
        make_private_directory(self.private_dir)
        with alone(self.private_dir):
            known = self._published.find(name) or KeySet(name)
            signing = known.signing(now_unix)
            if signing is not None and self._find(name, signing.id) is not None:
                return
            if signing is not None and signing.is_held_elsewhere:
                raise ConfigurationError(
                    f"issuer '{name}': its key is held by the program of 'signer_command'; give the settings that name it"
                    " (--settings), or go back to key files with 'gateway-ext keys signing rotate'"
                )
            jwk = self._read_or_make(self._file(name))
            if any(key.id == jwk["kid"] for key in known.keys):  # a retired key does not sign again
                self._file(name).unlink()
                jwk = self._read_or_make(self._file(name))
            self._published.write(known.rotated(jwk, now_unix, 0, DAYS_MAX * DAY_SECONDS))

    def signer(self, name: str, now_unix: int) -> FileSigner:
        with alone(self.private_dir):
            return self._signer(name, now_unix)

    def key_set(self, name: str, now_unix: int) -> KeySet:
        return self._published.known(name).published(now_unix)

    def rotate(
        self, name: str, now_unix: int, lead_seconds: int, token_seconds_max: int, record: Callable[[], None] = _nothing
    ) -> KeySet:
        self._published.known(name)  # a mistyped directory is not to be made
        make_private_directory(self.private_dir)
        with alone(self.private_dir):
            known = self._published.known(name)
            known.require_settled(now_unix)
            signing = known.signing(now_unix)
            if signing is None or not signing.is_held_elsewhere:
                self._signer(name, now_unix)  # puts the key of an earlier rotation into its place
            self._file(name, "next").unlink(missing_ok=True)  # of a rotation that was never published
            jwk = self._read_or_make(self._file(name, "next"))
            record()
            return self._published.write(known.rotated(jwk, now_unix, lead_seconds, token_seconds_max))

    def replace(self, name: str, now_unix: int, record: Callable[[], None] = _nothing) -> KeySet:
        make_private_directory(self.private_dir)
        with alone(self.private_dir):
            record()
            for slot in ("", "next"):
                self._file(name, slot).unlink(missing_ok=True)
            return self._published.write(KeySet(name, (PublishedKey(self._read_or_make(self._file(name)), now_unix),)))

    @property
    def _published(self) -> PublishedKeys:
        return PublishedKeys(self.published_dir)

    def _signer(self, name: str, now_unix: int) -> FileSigner:
        signing = self._published.known(name).signing(now_unix)
        found = self._find(name, signing.id) if signing is not None else None
        if signing is None or found is None:
            raise no_key(self._file(name))
        path, key = found
        if path != self._file(name):
            path.replace(self._file(name))
        return FileSigner(signing.id, key)

    def _find(self, name: str, key_id: str) -> tuple[Path, Ed25519PrivateKey] | None:
        for slot in ("next", ""):
            path = self._file(name, slot)
            if path.exists() and public_jwk(_public(key := _load(path)))["kid"] == key_id:
                return path, key
        return None

    def _read_or_make(self, path: Path) -> dict[str, str]:
        if not path.exists():
            private = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            write_whole(path, private, PRIVATE)
        return public_jwk(_public(_load(path)))

    def _file(self, name: str, slot: str = "") -> Path:
        return self.private_dir / (f"{name}.{slot}.key" if slot else f"{name}.key")


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(read_private(path), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path}: cannot be read as a private key ({type(error).__name__})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path}: expected an Ed25519 key; remove the file to have a new one made")
    return key


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
