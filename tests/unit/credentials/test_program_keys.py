"""Keys that the gateway never has: what they sign verifies, or is never shown; what is published follows their service."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jwt
import pytest

from gateway_ext.credentials.key_files import KeyFiles
from gateway_ext.credentials.program_keys import ProgramKeys, ProgramSigner
from gateway_ext.credentials.rules import DAY_SECONDS
from gateway_ext.credentials.served_keys import served_key_sets
from gateway_ext.credentials.signing import base64url, signed_token
from gateway_ext.errors import ConfigurationError
from tests.unit.credentials.key_service import KeyService, script

NOW = 1_800_000_000
NINETY_DAYS = 90 * DAY_SECONDS
CLAIMS = {"sub": "anna@example.com"}


@pytest.fixture
def service(tmp_path: Path) -> KeyService:
    return KeyService(tmp_path / "service")


@pytest.fixture
def keys(tmp_path: Path, service: KeyService) -> ProgramKeys:
    return ProgramKeys(service.program, tmp_path / "jwks")


def nothing() -> None:
    """Of what is recorded, these tests look at the order alone."""


def served(keys: ProgramKeys, now: int) -> dict[str, dict[str, str]]:
    """What Envoy gets, by kid."""
    return {each["kid"]: each for each in json.loads(served_key_sets(keys.published_dir, now)["personal"])["keys"]}


def verified(keys: ProgramKeys, token: str, now: int) -> dict[str, object]:
    """The claims, as a relying party takes them."""
    header = jwt.get_unverified_header(token)
    key = jwt.PyJWK.from_dict(served(keys, now)[header["kid"]])
    claims: dict[str, object] = jwt.decode(token, key, algorithms=[header["alg"]])
    return claims


@pytest.mark.parametrize(("on_p256", "algorithm"), [(False, "EdDSA"), (True, "ES256")])
def test_what_the_service_signs_verifies_with_what_is_published(
    keys: ProgramKeys, service: KeyService, on_p256: bool, algorithm: str
) -> None:
    service.add("personal", "v1", on_p256=on_p256)
    keys.ensure("personal", NOW)
    signer = keys.signer("personal", NOW)
    for number in range(3):  # of ECDSA none is like the other
        token = signed_token({**CLAIMS, "n": number}, signer)
        assert jwt.get_unverified_header(token) == {"alg": algorithm, "kid": "v1", "typ": "JWT"}
        assert verified(keys, token, NOW) == {**CLAIMS, "n": number}
    calls = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert [arguments for arguments, _ in calls] == [["public", "personal"], *[["sign", "personal", "v1"]] * 3]
    assert all("PATH" in names and "PYTEST_CURRENT_TEST" not in names for _, names in calls)


def test_a_key_rotated_in_the_service_is_published_before_it_signs(keys: ProgramKeys, service: KeyService) -> None:
    service.add("personal", "v1")
    keys.ensure("personal", NOW)
    old = signed_token(CLAIMS, keys.signer("personal", NOW))
    service.add("personal", "v2", on_p256=True)
    keys.ensure("personal", NOW + 1)  # that there is a new one changes nothing by itself
    assert list(served(keys, NOW + 1)) == ["v1"]
    keys.rotate("personal", NOW + 1, 60, NINETY_DAYS, nothing)
    assert list(served(keys, NOW + 1)) == ["v1", "v2"]
    assert keys.signer("personal", NOW + 60).key_id == "v1"
    assert keys.signer("personal", NOW + 61).key_id == "v2"
    new = signed_token(CLAIMS, keys.signer("personal", NOW + 61))
    assert verified(keys, old, NOW + 61) == verified(keys, new, NOW + 61) == CLAIMS
    assert list(served(keys, NOW + 61 + NINETY_DAYS)) == ["v2"]


def test_without_a_new_key_there_is_no_rotation_and_nothing_is_recorded(keys: ProgramKeys, service: KeyService) -> None:
    service.add("personal", "v1")
    keys.ensure("personal", NOW)
    before = (keys.published_dir / "personal.json").read_bytes()
    recorded: list[str] = []
    with pytest.raises(ConfigurationError, match="'v1', whose kid is published already; rotate the key there first"):
        keys.rotate("personal", NOW, 60, NINETY_DAYS, lambda: recorded.append("rotated"))
    with pytest.raises(ConfigurationError, match="rotate the key there first"):
        keys.replace("personal", NOW, lambda: recorded.append("replaced"))
    assert recorded == []
    assert (keys.published_dir / "personal.json").read_bytes() == before


def test_what_cannot_be_recorded_is_not_published(keys: ProgramKeys, service: KeyService) -> None:
    service.add("personal", "v1")
    keys.ensure("personal", NOW)
    service.add("personal", "v2")

    def full() -> None:
        raise ConfigurationError("the disk is full")

    with pytest.raises(ConfigurationError, match="full"):
        keys.rotate("personal", NOW, 0, NINETY_DAYS, full)
    with pytest.raises(ConfigurationError, match="full"):
        keys.replace("personal", NOW, full)
    assert list(served(keys, NOW)) == ["v1"]


def test_a_compromised_key_is_withdrawn_for_a_new_one(keys: ProgramKeys, service: KeyService) -> None:
    service.add("personal", "v1")
    keys.ensure("personal", NOW)
    service.add("personal", "v2")
    keys.replace("personal", NOW + 1, nothing)
    assert list(served(keys, NOW + 1)) == ["v2"]
    keys.ensure("personal", NOW + 1)
    assert keys.signer("personal", NOW + 1).key_id == "v2"


def test_from_files_to_a_service_and_back_no_token_is_lost(
    keys: ProgramKeys, service: KeyService, tmp_path: Path
) -> None:
    files = KeyFiles(tmp_path / "issuers", keys.published_dir)
    files.ensure("personal", NOW)
    tokens = [signed_token(CLAIMS, files.signer("personal", NOW))]
    service.add("personal", "v1")
    keys.rotate("personal", NOW, 60, NINETY_DAYS, nothing)
    with pytest.raises(ConfigurationError, match="takes over in 59 s"):
        keys.ensure("personal", NOW + 1)  # the program does not have the key that signs until then
    keys.ensure("personal", NOW + 60)
    tokens.append(signed_token(CLAIMS, keys.signer("personal", NOW + 60)))
    for unwanted in (files.ensure, files.signer):
        with pytest.raises(ConfigurationError, match=r"signer_command|no issuer key"):
            unwanted("personal", NOW + 61)  # as a command would that was not given the settings
    shutil.rmtree(tmp_path / "issuers")  # as the documentation says
    files.rotate("personal", NOW + 61, 60, NINETY_DAYS)
    tokens.append(signed_token(CLAIMS, keys.signer("personal", NOW + 120)))
    files.ensure("personal", NOW + 121)
    tokens.append(signed_token(CLAIMS, files.signer("personal", NOW + 121)))
    assert len(served(keys, NOW + 121)) == 3
    assert all(verified(keys, token, NOW + 121) == CLAIMS for token in tokens)
    with pytest.raises(ConfigurationError, match="rotate the key there first"):
        keys.ensure("personal", NOW + 122)  # what has retired does not sign again


def test_another_key_under_a_published_kid_is_not_believed(
    keys: ProgramKeys, service: KeyService, tmp_path: Path
) -> None:
    service.add("personal", "v1")
    keys.ensure("personal", NOW)
    other = KeyService(tmp_path / "other")
    other.add("personal", "v1")
    with pytest.raises(ConfigurationError, match="whose kid is published already"):
        ProgramKeys(other.program, keys.published_dir).ensure("personal", NOW)
    with pytest.raises(ConfigurationError, match="is not the signature"):
        signed_token(CLAIMS, ProgramKeys(other.program, keys.published_dir).signer("personal", NOW))


# --- a program that is wrong -----------------------------------------------------------------------------------------

X = base64url(b"x" * 32)
KEY = {"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "a"}


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        ("", "is not JSON"),
        ("\udcff", "is not JSON"),
        ("[" * 30_000, "is not JSON"),
        ("[]", "neither a JWKS nor a JWK"),
        ("7", "neither"),
        ('{"keys": 7}', "neither"),
        ('{"keys": ["a"]}', "neither"),
        ('{"keys": []}', "1 to 32 keys"),
        (json.dumps({"keys": [KEY, KEY]}), "a kid of its own"),
        (json.dumps({"keys": [{**KEY, "kid": str(number)} for number in range(33)]}), "1 to 32 keys"),
        (json.dumps({**KEY, "d": X}), "holds a private key"),
        (json.dumps({**KEY, "kid": None}), "needs a 'kid'"),
        (json.dumps({**KEY, "kid": "--help"}), "needs a 'kid'"),
        (json.dumps({**KEY, "kid": "a b"}), "needs a 'kid'"),
        (json.dumps({**KEY, "kid": "a" * 129}), "needs a 'kid'"),
        (json.dumps({**KEY, "x": X[:-1]}), "not a point"),
        (json.dumps({**KEY, "x": X + "="}), "not a point"),
        (json.dumps({**KEY, "crv": "Ed448"}), "must be Ed25519"),
        (json.dumps({**KEY, "kty": ["OKP"]}), "neither"),
        (json.dumps({"kty": "RSA", "n": X, "e": "AQAB", "kid": "a"}), "must be Ed25519"),
        (json.dumps({"kty": "EC", "crv": "P-256", "x": X, "y": X, "kid": "a"}), "not a point"),
        (json.dumps({"kty": "EC", "crv": "P-256", "x": X, "kid": "a"}), "not a point"),
        (json.dumps({**KEY, "alg": "none"}), "the 'alg' EdDSA"),
    ],
)
def test_public_keys_that_are_none_are_named_and_not_published(tmp_path: Path, printed: str, message: str) -> None:
    (tmp_path / "printed").write_bytes(printed.encode(errors="surrogateescape"))
    keys = ProgramKeys(script(tmp_path / "program", f"cat {tmp_path}/printed"), tmp_path / "jwks")
    with pytest.raises(ConfigurationError, match=message) as refused:
        keys.ensure("personal", NOW)
    assert X not in str(refused.value)
    assert not (tmp_path / "jwks" / "personal.json").exists()


def test_one_key_needs_no_set_and_nothing_else_of_it_is_published(tmp_path: Path) -> None:
    said = {**KEY, "key_ops": ["verify"], "x5c": ["MII"], "nbf": 1, "exp": 2, "name": "transit/personal"}
    (tmp_path / "printed").write_text(json.dumps(said))
    keys = ProgramKeys(script(tmp_path / "program", f"cat {tmp_path}/printed"), tmp_path / "jwks")
    keys.ensure("personal", NOW)
    assert served(keys, NOW) == {"a": {**KEY, "alg": "EdDSA", "use": "sig"}}


@pytest.mark.parametrize("body", ["true", "echo c2ln", "cat", "head -c 64 /dev/zero | base64", "printf '\\377'"])
@pytest.mark.parametrize("on_p256", [False, True])
def test_what_is_not_the_signature_is_never_shown(
    keys: ProgramKeys, service: KeyService, tmp_path: Path, body: str, on_p256: bool
) -> None:
    service.add("personal", "v1", on_p256=on_p256)
    keys.ensure("personal", NOW)
    lying = ProgramSigner(script(tmp_path / "lying", body), "personal", dict(keys.signer("personal", NOW).jwk))
    with pytest.raises(ConfigurationError, match="is not the signature") as refused:
        signed_token({"sub": "secret-subject"}, lying)
    assert base64url(b'{"sub":"secret-subject"}') not in str(refused.value)
    assert "c2ln" not in str(refused.value)


def test_a_signature_by_another_of_its_keys_is_never_shown(
    keys: ProgramKeys, service: KeyService, tmp_path: Path
) -> None:
    service.add("personal", "v1")
    keys.ensure("personal", NOW)
    service.add("personal", "v2")
    wrong = script(tmp_path / "wrong", f"exec {service.program} sign personal v2")
    with pytest.raises(ConfigurationError, match="is not the signature"):
        ProgramSigner(wrong, "personal", keys.signer("personal", NOW).jwk).sign(b"a.b")


def test_a_set_without_a_key_that_signs_now(keys: ProgramKeys) -> None:
    keys.published_dir.mkdir()
    (keys.published_dir / "personal.json").write_text(json.dumps({"keys": [{**KEY, "nbf": NOW + 1}]}))
    with pytest.raises(ConfigurationError, match="no published key signs yet"):
        keys.signer("personal", NOW)
    with pytest.raises(ConfigurationError, match="no issuer key"):
        keys.signer("service", NOW)
