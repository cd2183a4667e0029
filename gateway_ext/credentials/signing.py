"""Signed tokens: JSON Web Tokens (RFC 7519) as compact JWS (RFC 7515), and public keys as JWK (RFC 7517, RFC 8037)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from gateway_ext.credentials.key_set import KeySet

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


class Signer(Protocol):
    """One private key, wherever it lies: in a file (key_files.py), behind an operator's program (program_keys.py).

    `algorithm` is JOSE's name, such as EdDSA or ES256; `key_id` is the `kid` of its public half in the published JWKS.
    """

    @property
    def algorithm(self) -> str: ...

    @property
    def key_id(self) -> str: ...

    def sign(self, message: bytes) -> bytes:
        """The signature in JOSE's form (RFC 7518 §3.4: of ECDSA r and s, side by side). Raises ConfigurationError."""
        ...


class SigningKeys(Protocol):
    """The keys of our issuers, by the issuer's name. All methods raise ConfigurationError; nothing has changed then.

    `record` is called right before anything is published, and stops that by raising.
    """

    def ensure(self, name: str, now_unix: int) -> None:
        """Publish a key for the issuer, unless it has one that signs. What is published stays published."""
        ...

    def signer(self, name: str, now_unix: int) -> Signer:
        """The key that signs at this time."""
        ...

    def key_set(self, name: str, now_unix: int) -> KeySet:
        """What is published at this time."""
        ...

    def rotate(
        self, name: str, now_unix: int, lead_seconds: int, token_seconds_max: int, record: Callable[[], None]
    ) -> KeySet:
        """Publish a new key, which signs after `lead_seconds`; what the others have signed lives on."""
        ...

    def replace(self, name: str, now_unix: int, record: Callable[[], None]) -> KeySet:
        """Withdraw all keys and sign with a new one at once: everything signed before is refused."""
        ...


def signed_token(claims: Mapping[str, Any], signer: Signer) -> str:
    """The token. Raises what `signer` raises."""
    header = {"alg": signer.algorithm, "typ": "JWT", "kid": signer.key_id}
    message = f"{_segment(header)}.{_segment(claims)}"
    return f"{message}.{base64url(signer.sign(message.encode()))}"


def public_jwk(ed25519_public_key: bytes) -> dict[str, str]:
    """The published form of a key of 32 bytes. `kid` is its thumbprint (RFC 7638: the required members in order)."""
    required = {"crv": "Ed25519", "kty": "OKP", "x": base64url(ed25519_public_key)}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode()
    thumbprint = base64url(hashlib.sha256(canonical).digest())
    return {**required, "kid": thumbprint, "alg": "EdDSA", "use": "sig"}


def base64url(data: bytes) -> str:
    """Without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The inverse. Raises ValueError for padding and for anything else that does not belong there."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url without padding (RFC 7515 §2)")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _segment(document: Mapping[str, Any]) -> str:
    return base64url(json.dumps(document, separators=(",", ":")).encode())
