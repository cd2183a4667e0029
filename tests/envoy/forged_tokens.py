"""JSON Web Tokens (RFC 7519) as an attacker would make them: put together by hand, since libraries refuse to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from gateway_ext.exchange import CredentialClass
from gateway_ext.local.issuer import ISSUERS
from gateway_ext.settings import StateLayout

Sign = Callable[[bytes], bytes]


class Forge:
    """Makes tokens of a local issuer (personal, service, company), with its real key or without."""

    def __init__(self, layout: StateLayout, credential_class: CredentialClass = CredentialClass.PERSONAL) -> None:
        self.issuer = ISSUERS[credential_class]
        pem = (layout.root / "issuers" / f"{self.issuer.name}.key").read_bytes()
        key = serialization.load_pem_private_key(pem, password=None)
        assert isinstance(key, Ed25519PrivateKey)
        self.real: Sign = key.sign
        self.public_pem = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.binding: dict[str, Any] = {}  # of a service: to the certificate of the tests' client
        if credential_class is CredentialClass.SERVICE:
            self.binding = {"cnf": {"x5t#S256": thumbprint(layout.certs / "client.pem")}}
        self.public_file = (layout.jwks / f"{self.issuer.name}.json").read_bytes()
        (self.jwk,) = json.loads(self.public_file)["keys"]

    def token(self, sign: Sign | None = None, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good token but for what is given; a `header` field or claim of None is left out."""
        fields = {"alg": "EdDSA", "typ": "JWT", "kid": self.jwk["kid"]} | (header or {})
        return self.signed(_json(fields), _json(self.claims() | claims), sign)

    def claims(self) -> dict[str, Any]:
        """Those of a good token."""
        now = int(time.time())
        return {
            "iss": self.issuer.issuer, "aud": self.issuer.audience, "sub": "forger@local", "team": "demo",
            "jti": "forged", "groups": ["llm-users", "llm-services"], "iat": now, "nbf": now, "exp": now + 600, **self.binding,
        }  # fmt: skip

    def signed(self, header: str, payload: str, sign: Sign | None = None) -> str:
        """A token of these two JSON texts, which need not be sound."""
        text = f"{base64url(header.encode())}.{base64url(payload.encode())}"
        return f"{text}.{base64url((sign or self.real)(text.encode()))}"

    def own_key(self) -> tuple[Sign, dict[str, str]]:
        """A key pair of the attacker: how it signs, and its public half as JWK."""
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return key.sign, {"kty": "OKP", "crv": "Ed25519", "x": base64url(public), "kid": "own", "alg": "EdDSA"}

    def by_hmac(self, secret: bytes) -> Sign:
        return lambda signed: hmac.new(secret, signed, hashlib.sha256).digest()

    def by_rsa(self) -> Sign:
        key = rsa.generate_private_key(65537, 2048)
        return lambda signed: key.sign(signed, padding.PKCS1v15(), hashes.SHA256())

    def by_ecdsa(self) -> Sign:
        key = ec.generate_private_key(ec.SECP256R1())

        def sign(signed: bytes) -> bytes:
            r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")

        return sign

    def wrong_tokens(self) -> dict[str, str]:
        """Tokens that must not be taken, by what is wrong with them."""
        now = int(time.time())
        own, own_jwk = self.own_key()
        good = self.token()
        head, payload, signature = good.split(".")
        elsewhere = "https://elsewhere.example/jwks.json"
        return {
            "garbage": "garbage",
            "dots": "..",
            "no_signature": f"{head}.{payload}",
            "empty_signature": f"{head}.{payload}.",
            "signature_of_another": f"{head}.{payload}.{self.token(sub='x').rpartition('.')[2]}",
            "payload_changed": f"{head}.{_segment({'iss': 'gateway-ext/personal', 'sub': 'root'})}.{signature}",
            "not_json": f"{head}.{base64url(b'not json')}.{signature}",
            "expired": self.token(iat=now - 900, nbf=now - 900, exp=now - 300),
            "not_yet_valid": self.token(nbf=now + 300),
            "never_expires": self.token(exp=None),
            "expires_in_a_century": self.token(exp=now + 100 * 365 * 86_400),
            "expiry_is_text": self.token(exp="tomorrow"),
            "another_audience": self.token(aud=self._audience_of_another()),
            "no_audience": self.token(aud=None),
            "another_issuer": self.token(iss="https://elsewhere.example"),
            "issuer_of_another_key": self.token(iss="https://idp.local"),
            "no_issuer": self.token(iss=None),
            "alg_none": self.token(lambda _: b"", header={"alg": "none"}),
            "alg_none_in_capitals": self.token(lambda _: b"", header={"alg": "NONE", "kid": None}),
            "hmac_with_the_public_key": self.token(self.by_hmac(self.public_pem), header={"alg": "HS256"}),
            "hmac_with_the_public_file": self.token(self.by_hmac(self.public_file), header={"alg": "HS256"}),
            "hmac_with_the_public_point": self.token(self.by_hmac(_decoded(self.jwk["x"])), header={"alg": "HS256"}),
            "hmac_with_nothing": self.token(self.by_hmac(b""), header={"alg": "HS256", "kid": None}),
            "rsa": self.token(self.by_rsa(), header={"alg": "RS256"}),
            "ecdsa": self.token(self.by_ecdsa(), header={"alg": "ES256"}),
            "unknown_key": self.token(own, header={"kid": "own"}),
            "unknown_key_under_a_known_name": self.token(own),
            "unknown_key_without_a_name": self.token(own, header={"kid": None}),
            "known_key_under_an_unknown_name": self.token(header={"kid": "../../jwks/personal.json"}),
            "key_in_the_header": self.token(own, header={"kid": "own", "jwk": own_jwk}),
            "key_at_an_address": self.token(own, header={"kid": "own", "jku": elsewhere}),
            "certificate_at_an_address": self.token(own, header={"kid": "own", "x5u": elsewhere}),
            "huge": self.token(own, extra="x" * 30_000),
        }

    def _audience_of_another(self) -> str:
        return next(each.audience for each in ISSUERS.values() if each.audience != self.issuer.audience)


def thumbprint(certificate: Path) -> str:
    """Of a certificate in PEM (RFC 8705 §3.1)."""
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    return base64url(found.fingerprint(hashes.SHA256()))


def _segment(document: dict[str, Any]) -> str:
    return base64url(_json(document).encode())


def _json(document: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in document.items() if value is not None})


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
