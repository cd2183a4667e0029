"""ID tokens: what may be believed of them, and what they have to say. Pure, no I/O.

OpenID Connect Core 1.0 §3.1.3.7; RFC 8725 (JSON Web Token best current practices).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, NoReturn

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry

from gateway_ext.console.oidc import AnswerRefused
from gateway_ext.exchange import VerifiedClaims
from gateway_ext.identity.rules import IssuerRule, LoginRule

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")  # of ID tokens; never 'none', never a shared secret (RFC 8725 §3.1)
CLOCK_SKEW_SECONDS = 60
_KEY_TYPES = ("RSA", "EC", "OKP")
_UNREADABLE = (JoseError, ValueError, TypeError, KeyError, RecursionError)


class KeyUnknown(AnswerRefused):
    """The ID token is signed with a key that the provider did not publish when it was last asked for its keys."""


def key_set(document: Any) -> KeySet:
    """The public keys that a provider signs with (RFC 7517). One that is not understood is left out. Raises AnswerRefused."""
    found = document.get("keys") if isinstance(document, Mapping) else None
    keys: list[OctKey | RSAKey | ECKey | OKPKey] = []
    for each in found if isinstance(found, list) else []:
        if isinstance(each, dict) and each.get("kty") in _KEY_TYPES and each.get("use", "sig") == "sig":
            with contextlib.suppress(*_UNREADABLE):
                keys.append(import_key(each))
    if not keys:
        raise AnswerRefused("no_keys")
    return KeySet(keys)


def id_token_claims(
    token: Any, access_token: str, keys: KeySet, login: LoginRule, nonce: str, now_unix: int
) -> VerifiedClaims:
    """The claims of an ID token, verified (OpenID Connect Core 1.0 §3.1.3.7). Raises KeyUnknown, AnswerRefused."""
    if not isinstance(token, str):
        raise AnswerRefused("no_id_token")
    try:
        read = jwt.decode(token, keys, registry=_Registry(strict_check_header=False))
    except InvalidKeyIdError:
        raise KeyUnknown("key_unknown") from None
    except UnsupportedAlgorithmError:
        raise AnswerRefused("algorithm_not_allowed") from None
    except _UNREADABLE:
        raise AnswerRefused("signature_invalid") from None
    expected = {
        "iss": {"essential": True, "value": login.issuer_url},
        "aud": {"essential": True, "value": login.client_id},
    }
    told = {"nonce": nonce, "client_id": login.client_id, "access_token": access_token}
    try:
        CodeIDToken(read.claims, read.header, expected, told).validate(now_unix, CLOCK_SKEW_SECONDS)
    except JoseError as error:
        _refuse_claim(error)
    except _UNREADABLE:
        raise AnswerRefused("id_token_invalid") from None
    return VerifiedClaims(read.claims)


def with_userinfo(claims: VerifiedClaims, userinfo: Any) -> VerifiedClaims:
    """What the ID token says, and what the provider says beside it. Raises AnswerRefused for somebody else's (§5.3.2)."""
    if not isinstance(userinfo, Mapping) or userinfo.get("sub") != claims.get("sub"):
        raise AnswerRefused("userinfo_of_somebody_else")
    return VerifiedClaims({**userinfo, **claims})


def read_claims(issuer: IssuerRule) -> frozenset[str]:
    """Names of the claims that `issuer` of identity.yaml is read by: of a path both itself and its first step."""
    return frozenset(name for path in issuer.claims.values() for name in (path, path.partition(".")[0]))


def lacks_claims(claims: VerifiedClaims, issuer: IssuerRule) -> bool:
    """Whether something that `issuer` is read by is not there. A token's own id is of no use to a login."""
    paths = [path for name, path in issuer.claims.items() if name != "credential_id"]
    return any(path not in claims and path.partition(".")[0] not in claims for path in paths)


class _Registry(JWSRegistry):
    """ALGORITHMS and no other. RFC 9864 calls 'EdDSA' deprecated, which providers go on to say."""

    max_header_length = 4 * 1024  # certificates (x5c) may come with it

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


def _refuse_claim(error: JoseError) -> NoReturn:
    claim = getattr(error, "claim", "")
    raise AnswerRefused(f"{claim or 'id_token'}_invalid" if isinstance(claim, str) else "id_token_invalid") from None
