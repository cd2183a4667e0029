"""Tokens verify against the published keys and against nothing else."""

import json
from pathlib import Path

import jwt
import pytest

from gateway_ext.envoyconf import static
from gateway_ext.errors import ConfigurationError
from gateway_ext.exchange import CredentialClass
from gateway_ext.local.issuer import ISSUERS, LocalIssuer
from gateway_ext.settings import StateLayout


def verify(layout: StateLayout, name: str, token: str, audience: str, issuer: str) -> dict[str, object]:
    """As a relying party does it: the key by its `kid` out of the published set."""
    keys = jwt.PyJWKSet.from_dict(json.loads((layout.jwks / f"{name}.json").read_text()))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, object] = jwt.decode(
        token,
        key,
        algorithms=["EdDSA"],
        audience=audience,
        issuer=issuer,
        options={"require": ["exp", "nbf", "iat", "jti", "sub"]},
    )
    return claims


@pytest.fixture
def layout(tmp_path: Path) -> StateLayout:
    return StateLayout(tmp_path / "state")


@pytest.mark.parametrize(
    ("credential_class", "name", "issuer", "audience"),
    [
        (CredentialClass.SSO, "company", "https://idp.local", "llm-gateway"),
        (CredentialClass.PERSONAL, "personal", "gateway-ext/personal", "llm-gateway"),
        (CredentialClass.SERVICE, "service", "gateway-ext/service", "llm-gateway-internal"),
    ],
)
def test_each_class_has_its_issuer(
    layout: StateLayout, credential_class: CredentialClass, name: str, issuer: str, audience: str
) -> None:
    token = LocalIssuer.create(layout).mint(credential_class, "eve@local", "red", ["a", "b"], 60, application="app")
    claims = verify(layout, name, token, audience, issuer)
    assert (claims["sub"], claims["team"], claims["groups"], claims["application"]) == (
        "eve@local",
        "red",
        ["a", "b"],
        "app",
    )
    assert claims["exp"] == claims["iat"] + 60  # type: ignore[operator]  # NumericDate


def test_envoy_expects_what_we_issue() -> None:
    """The hand-written envoy.yaml names the same issuers and audiences."""
    written = Path(__file__).parents[3] / "envoy" / "envoy.yaml"
    expected = {
        name: (ISSUERS[each].issuer, [ISSUERS[each].audience], keys)
        for each, name, keys in (
            (CredentialClass.SSO, "company", {"filename": "jwks/company.json"}),
            (CredentialClass.PERSONAL, "personal", "http://keys/personal.json"),
            (CredentialClass.SERVICE, "service", "http://keys/service.json"),
        )
    }
    found = {
        name: (
            provider["issuer"],
            provider["audiences"],
            provider.get("local_jwks") or provider["remote_jwks"]["http_uri"]["uri"],
        )
        for listener in static.load(written)["static_resources"]["listeners"]
        for chain in listener["filter_chains"]
        for network_filter in chain["filters"]
        for http_filter in network_filter["typed_config"]["http_filters"]
        if listener["name"] != "console"  # for another audience
        for name, provider in http_filter["typed_config"].get("providers", {}).items()
    }
    assert found == expected


def test_an_issuers_token_is_not_another_issuers(layout: StateLayout) -> None:
    token = LocalIssuer.create(layout).mint(CredentialClass.PERSONAL, "eve@local")
    with pytest.raises(KeyError):
        verify(layout, "service", token, "llm-gateway", "gateway-ext/personal")


def test_every_token_has_its_own_id(layout: StateLayout) -> None:
    issuer = LocalIssuer.create(layout)
    tokens = [issuer.mint(CredentialClass.SSO, "eve@local") for _ in range(2)]
    ids = {jwt.decode(token, options={"verify_signature": False})["jti"] for token in tokens}
    assert len(ids) == 2


def test_keys_are_made_once_and_are_private(layout: StateLayout) -> None:
    LocalIssuer.create(layout)
    before = {path: path.read_bytes() for path in layout.root.rglob("*") if path.is_file()}
    token = LocalIssuer.create(layout).mint(CredentialClass.SSO, "eve@local")
    assert {path: path.read_bytes() for path in layout.root.rglob("*") if path.is_file()} == before
    assert verify(layout, "company", token, "llm-gateway", "https://idp.local")
    keys = list((layout.root / "issuers").iterdir())
    assert len(keys) == len(ISSUERS)
    assert {path.stat().st_mode & 0o777 for path in keys} == {0o600}


def test_published_keys_hold_no_private_half(layout: StateLayout) -> None:
    LocalIssuer.create(layout)
    for file in layout.jwks.iterdir():
        (key,) = json.loads(file.read_text())["keys"]
        assert set(key) == {"kty", "crv", "x", "kid", "alg", "use", "nbf"}


def test_without_keys_the_error_says_what_to_do(layout: StateLayout) -> None:
    with pytest.raises(ConfigurationError, match="gateway-ext up"):
        LocalIssuer.open(layout)


@pytest.mark.parametrize("content", [b"", b"not a key"])
def test_a_damaged_key_is_named_and_not_replaced(layout: StateLayout, content: bytes) -> None:
    LocalIssuer.create(layout)
    damaged = layout.root / "issuers" / "company.key"
    damaged.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"company\.key"):
        LocalIssuer.create(layout)
    assert damaged.read_bytes() == content


def test_keys_stay_out_of_repr(layout: StateLayout) -> None:
    assert "Ed25519" not in repr(LocalIssuer.create(layout))
