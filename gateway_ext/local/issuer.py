"""A local token issuer: signs JSON Web Tokens (RFC 7519) with Ed25519 (RFC 8037) and publishes the keys (RFC 7517).

Three issuers stand for the three classes of credential. Envoy knows them by the same names (envoy/envoy.yaml).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass
from gateway_ext.local.private_files import PRIVATE, PUBLIC, make_private_directory, write_whole
from gateway_ext.settings import StateLayout


@dataclass(frozen=True, slots=True)
class Issuer:
    """`name` names the JWKS file and Envoy's jwt_authn provider."""

    name: str
    issuer: str
    audience: str


ISSUERS: Mapping[CredentialClass, Issuer] = {
    CredentialClass.SSO: Issuer("company", "https://idp.local", "llm-gateway"),
    CredentialClass.PERSONAL: Issuer("personal", "gateway-ext/personal", "llm-gateway"),
    CredentialClass.SERVICE: Issuer("service", "gateway-ext/service", "llm-gateway-internal"),
}


@dataclass(frozen=True, slots=True)
class LocalIssuer:
    """Mints tokens with the keys below `<state>/issuers`. Keys stay out of repr."""

    _keys: Mapping[CredentialClass, Ed25519PrivateKey] = field(repr=False)
    _clock: SystemClock = field(default_factory=SystemClock)

    @classmethod
    def create(cls, layout: StateLayout) -> LocalIssuer:
        """Make the keys that are missing and publish all of them as JWKS. Raises ConfigurationError for a bad key."""
        keys_dir = layout.root / "issuers"
        make_private_directory(keys_dir)
        layout.jwks.mkdir(parents=True, exist_ok=True)
        for credential_class, issuer in ISSUERS.items():
            file = _key_file(layout, credential_class)
            if not file.exists():
                write_whole(file, _pem(Ed25519PrivateKey.generate()), PRIVATE)
            jwks = json.dumps({"keys": [_public_jwk(_load(file))]}, indent=2).encode() + b"\n"
            jwks_file = layout.jwks / f"{issuer.name}.json"
            if not jwks_file.exists() or jwks_file.read_bytes() != jwks:
                write_whole(jwks_file, jwks, PUBLIC)
        return cls.open(layout)

    @classmethod
    def open(cls, layout: StateLayout) -> LocalIssuer:
        """Use the keys that are there. Raises ConfigurationError when one is missing or cannot be read."""
        return cls({credential_class: _load(_key_file(layout, credential_class)) for credential_class in ISSUERS})

    def mint(
        self,
        credential_class: CredentialClass,
        subject: str,
        team: str = "",
        groups: Sequence[str] = (),
        ttl_seconds: int = 12 * 3600,
        **claims: Any,
    ) -> str:
        """A signed token. `jti`, the credential's id by which it can be revoked, is new for each; `claims` come last
        and may replace any, `exp` and `aud` included (tests need wrong tokens, too). An empty team is left out.
        """
        issuer, key = ISSUERS[credential_class], self._keys[credential_class]
        issued_at = self._clock.now_unix_nano() // 1_000_000_000
        payload: dict[str, Any] = {
            "iss": issuer.issuer,
            "aud": issuer.audience,
            "sub": subject,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + ttl_seconds,
            "jti": self._clock.new_id(),
            "groups": list(groups),
        }
        payload |= ({"team": team} if team else {}) | claims
        return jwt.encode(payload, key, algorithm="EdDSA", headers={"kid": _public_jwk(key)["kid"]})


def _key_file(layout: StateLayout, credential_class: CredentialClass) -> Path:
    return layout.root / "issuers" / f"{ISSUERS[credential_class].name}.key"


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load(file: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{file}: there is no issuer key; run 'gateway-ext up' once, or name its state directory with --state"
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{file}: cannot be read as a private key ({type(error).__name__})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{file}: expected an Ed25519 key; remove the file to have a new one made")
    return key


def _public_jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    """The public half. `kid` is the thumbprint of RFC 7638: the hash of the required members in lexical order."""
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    required = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public)}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode()
    thumbprint = _base64url(hashlib.sha256(canonical).digest())
    return {**required, "kid": thumbprint, "alg": "EdDSA", "use": "sig"}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
