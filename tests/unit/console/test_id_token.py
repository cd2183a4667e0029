"""Keys that a provider publishes, and claims that are kept of a token."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc.jwk import ECKey

from gateway_ext.console.id_token import key_set, lacks_claims, read_claims
from gateway_ext.console.oidc import AnswerRefused
from gateway_ext.exchange import VerifiedClaims
from gateway_ext.identity.rules import IssuerRule
from tests.unit.console.login_world import identity

GOOD: dict[str, Any] = {**ECKey.generate_key("P-256", {"kid": "good"}).as_dict(private=False)}
COMPANY: IssuerRule = identity("company").issuers["company"]


def test_keys_that_are_not_understood_are_left_out() -> None:
    strange: list[Any] = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"},
        {"kty": "AKP", "kid": "not-yet", "pub": "AA"},
        {**GOOD, "kid": "for-encryption", "use": "enc"},
        {**GOOD, "kid": "broken", "x": "!"},
        {"kty": "RSA", "kid": "empty"},
        "-----BEGIN PUBLIC KEY-----",
        None,
    ]
    assert [key.kid for key in key_set({"keys": [*strange, GOOD]})] == ["good"]


@pytest.mark.parametrize(
    "document", [None, [], "", {}, {"keys": None}, {"keys": {}}, {"keys": []}, {"keys": [{"kty": "oct"}]}]
)
def test_no_keys_at_all(document: Any) -> None:
    with pytest.raises(AnswerRefused, match="no_keys"):
        key_set(document)


def test_only_what_policy_reads_is_kept() -> None:
    assert read_claims(COMPANY) == {"sub", "org.team", "org", "groups", "email"}


@pytest.mark.parametrize(
    ("claims", "lacks"),
    [
        ({"sub": "ada", "org": {"team": "research"}, "groups": [], "email": "ada@example.eu"}, False),
        ({"sub": "ada", "org.team": "research", "groups": [], "email": "ada@example.eu"}, False),
        ({"sub": "ada", "org": {"team": "research"}, "groups": []}, True),
        ({"sub": "ada"}, True),
    ],
)
def test_what_is_to_be_asked_for(claims: dict[str, Any], *, lacks: bool) -> None:
    assert lacks_claims(VerifiedClaims(claims), COMPANY) is lacks
