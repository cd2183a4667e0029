"""A local token issuer: signs tokens of all three classes, for one machine and for tests.

It stands in for the company's identity provider; the other two issuers are the gateway's own, with the same keys as
`gateway-ext keys`. Envoy knows them by the same names (envoy/envoy.yaml).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway_ext.clock import SystemClock
from gateway_ext.credentials.credential import ISSUERS as OWN_ISSUERS
from gateway_ext.credentials.credential import Issuer
from gateway_ext.credentials.key_files import KeyFiles
from gateway_ext.credentials.signing import Signer, signed_token
from gateway_ext.exchange import CredentialClass
from gateway_ext.limits import NANO
from gateway_ext.local.certificates import CLIENT_URI
from gateway_ext.settings import StateLayout

ISSUERS: Mapping[CredentialClass, Issuer] = {
    CredentialClass.SSO: Issuer("company", "https://idp.local", "llm-gateway"),
    **OWN_ISSUERS,
}


@dataclass(frozen=True, slots=True)
class LocalIssuer:
    """Mints tokens with the keys below `<state>/issuers`. Keys stay out of repr."""

    _signers: Mapping[CredentialClass, Signer] = field(repr=False)
    _clock: SystemClock = field(default_factory=SystemClock)

    @classmethod
    def create(cls, layout: StateLayout) -> LocalIssuer:
        """Make and publish the keys that are missing. Raises ConfigurationError for a bad key."""
        keys = KeyFiles(layout.issuers, layout.jwks)
        for issuer in ISSUERS.values():
            keys.ensure(issuer.name, SystemClock().now_unix_nano() // NANO)
        return cls.open(layout)

    @classmethod
    def open(cls, layout: StateLayout) -> LocalIssuer:
        """Use the keys that are there. Raises ConfigurationError when one is missing or cannot be read."""
        keys, now_unix = KeyFiles(layout.issuers, layout.jwks), SystemClock().now_unix_nano() // NANO
        return cls({each: keys.signer(issuer.name, now_unix) for each, issuer in ISSUERS.items()})

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
        and may replace any, `exp` and `aud` included (tests need wrong tokens, too). An empty team is left out. That of
        a service comes with the local client certificate.
        """
        issuer = ISSUERS[credential_class]
        issued_at = self._clock.now_unix_nano() // NANO
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
        bound = {"client_uri": CLIENT_URI} if credential_class is CredentialClass.SERVICE else {}
        payload |= ({"team": team} if team else {}) | bound | claims
        return signed_token(payload, self._signers[credential_class])
