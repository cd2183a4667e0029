"""Public keys that come from outside: what is published of them, and whether a signature is theirs. Pure.

Ed25519 (EdDSA, RFC 8037) and P-256 (ES256, RFC 7518 §3.4): what Envoy is tested with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gateway_ext.credentials.signing import from_base64url

_COORDINATE_BYTES = 32
_KEY_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:/+=-]{0,127}")  # an argument of a program, never an option
_CURVES = {("OKP", "Ed25519"): ("EdDSA", ("x",)), ("EC", "P-256"): ("ES256", ("x", "y"))}


def published_form(jwk: Mapping[str, Any]) -> dict[str, str]:
    """The JWK (RFC 7517) as we publish it, without what else came with it.

    Raises ValueError saying what is wrong: a key of another kind, a private one, one without a usable `kid`.
    """
    if "d" in jwk:
        raise ValueError("holds a private key (member 'd'); whoever has seen it can mint, so replace that key")
    key_id, kind = jwk.get("kid"), (jwk.get("kty"), jwk.get("crv"))
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise ValueError(
            "needs a 'kid' of 1 to 128 letters, digits and . _ : / + = -, that begins with none of these but _"
        )
    if kind not in _CURVES:
        raise ValueError(f"key '{key_id}' must be Ed25519 (kty OKP) or P-256 (kty EC)")
    algorithm, coordinates = _CURVES[kind]
    if jwk.get("alg", algorithm) != algorithm:
        raise ValueError(f"key '{key_id}' must have the 'alg' {algorithm}, or none")
    form = {"kty": str(kind[0]), "crv": str(kind[1]), **{name: str(jwk.get(name)) for name in coordinates}}
    try:
        _key(form)
    except ValueError:
        raise ValueError(f"key '{key_id}' is not a point of its curve ({' and '.join(coordinates)})") from None
    return {**form, "kid": key_id, "alg": algorithm, "use": "sig"}


def has_signed(jwk: Mapping[str, str], message: bytes, signature: bytes) -> bool:
    """Whether `signature`, in JOSE's form, is that of the published key. Raises ValueError for a key that is none."""
    key = _key(jwk)
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        elif len(signature) == 2 * _COORDINATE_BYTES:
            r, s = signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:]
            encoded = encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
            key.verify(encoded, message, ec.ECDSA(SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _key(jwk: Mapping[str, str]) -> Ed25519PublicKey | ec.EllipticCurvePublicKey:
    coordinates = [from_base64url(jwk[name]) for name in ("x", "y") if name in jwk]
    if any(len(each) != _COORDINATE_BYTES for each in coordinates):
        raise ValueError("a coordinate of another length")
    if jwk["kty"] == "OKP":
        return Ed25519PublicKey.from_public_bytes(coordinates[0])
    x, y = map(int.from_bytes, coordinates)
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
