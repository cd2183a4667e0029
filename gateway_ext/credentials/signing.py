"""Signed tokens: JSON Web Tokens (RFC 7519) as compact JWS (RFC 7515), and public keys as JWK (RFC 7517, RFC 8037)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol


class Signer(Protocol):
    """One private key, wherever it lies: in a file (key_files.py), a key management service, a hardware module.

    `algorithm` is JOSE's name, such as EdDSA or ES256; `key_id` is the `kid` of its public half in the published JWKS.
    """

    @property
    def algorithm(self) -> str: ...

    @property
    def key_id(self) -> str: ...

    def sign(self, message: bytes) -> bytes:
        """The signature in JOSE's form (RFC 7518 §3.4: of ECDSA r and s, side by side). Raises ConfigurationError."""
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


def _segment(document: Mapping[str, Any]) -> str:
    return base64url(json.dumps(document, separators=(",", ":")).encode())
