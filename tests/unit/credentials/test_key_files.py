"""Signing keys: private, published before they sign, and for as long as what they signed lives."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway_ext.credentials.key_files import KeyFiles
from gateway_ext.credentials.key_set import KeyState
from gateway_ext.credentials.served_keys import ServedKeys, served_key_sets
from gateway_ext.credentials.signing import signed_token
from gateway_ext.errors import ConfigurationError

NOW = 1_800_000_000
LIFE = 1_000


@pytest.fixture
def keys(tmp_path: Path) -> KeyFiles:
    files = KeyFiles(tmp_path / "issuers", tmp_path / "jwks")
    files.ensure("personal", NOW)
    return files


def served(keys: KeyFiles, now: int) -> list[str]:
    return [key["kid"] for key in json.loads(served_key_sets(keys.published_dir, now)["personal"])["keys"]]


def test_a_key_is_made_once_and_is_private(keys: KeyFiles) -> None:
    first = keys.signer("personal", NOW)
    keys.ensure("personal", NOW + 5)
    assert keys.signer("personal", NOW + 5).key_id == first.key_id
    (file,) = keys.private_dir.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert keys.private_dir.stat().st_mode & 0o777 == 0o700
    assert "Ed25519" not in repr(first)


def test_a_new_key_is_published_before_it_signs_and_the_old_one_after(keys: KeyFiles) -> None:
    old = keys.signer("personal", NOW).key_id
    new = keys.rotate("personal", NOW, lead_seconds=60, token_seconds_max=LIFE).keys[-1].id
    assert keys.signer("personal", NOW + 59).key_id == old
    assert keys.signer("personal", NOW + 60).key_id == new
    assert served(keys, NOW) == [old, new]
    assert served(keys, NOW + 60 + LIFE - 1) == [old, new]
    assert served(keys, NOW + 60 + LIFE) == [new]
    states = [(key.id, keys.key_set("personal", NOW).state(key, NOW)) for key in keys.key_set("personal", NOW).keys]
    assert states == [(old, KeyState.ACTIVE), (new, KeyState.NEXT)]


def test_the_private_half_of_a_retired_key_is_gone(keys: KeyFiles) -> None:
    old = (keys.private_dir / "personal.key").read_bytes()
    keys.rotate("personal", NOW, 60, LIFE)
    keys.signer("personal", NOW + 60)
    (file,) = keys.private_dir.iterdir()
    assert file.name == "personal.key"
    assert file.read_bytes() != old


def test_one_rotation_at_a_time(keys: KeyFiles) -> None:
    keys.rotate("personal", NOW, 60, LIFE)
    before = (keys.published_dir / "personal.json").read_bytes()
    with pytest.raises(ConfigurationError, match="takes over in 60 s"):
        keys.rotate("personal", NOW, 60, LIFE)
    assert (keys.published_dir / "personal.json").read_bytes() == before
    assert keys.rotate("personal", NOW + 60, 60, LIFE).keys[-1].signs_from_unix == NOW + 120


def test_what_a_broken_rotation_left_does_not_sign(keys: KeyFiles) -> None:
    (keys.private_dir / "personal.next.key").write_bytes((keys.private_dir / "personal.key").read_bytes())
    (keys.private_dir / "personal.next.key").chmod(0o600)
    old = keys.signer("personal", NOW).key_id
    assert keys.rotate("personal", NOW, 0, LIFE).keys[-1].id != old


def test_a_compromised_key_is_withdrawn_at_once(keys: KeyFiles) -> None:
    keys.rotate("personal", NOW, 60, LIFE)
    (new,) = keys.replace("personal", NOW + 1).keys
    assert served(keys, NOW + 1) == [new.id]
    assert keys.signer("personal", NOW + 1).key_id == new.id


def test_what_is_served_has_no_times_and_no_private_half(keys: KeyFiles) -> None:
    keys.rotate("personal", NOW, 60, LIFE)
    document = json.loads(served_key_sets(keys.published_dir, NOW)["personal"])
    assert {member for key in document["keys"] for member in key} == {"kty", "crv", "x", "kid", "alg", "use"}


def test_an_issuer_without_keys_has_one_that_nobody_holds(keys: KeyFiles) -> None:
    (nobodys,) = json.loads(served_key_sets(keys.published_dir, NOW)["service"])["keys"]
    chosen = hashlib.sha256(b"gateway-ext: nobody holds a key of issuer service").digest()
    assert base64.urlsafe_b64decode(nobodys["x"] + "=") == chosen
    with pytest.raises(ConfigurationError, match="no issuer key"):
        keys.signer("service", NOW)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"keys": 1}', b'{"keys": [{}]}', b'{"keys": [1]}', b"\xff", b'{"keys": [{"kid": "a"}]}',
     b'{"keys": [{"kty": "OKP", "kid": "a", "d": "private"}]}', b'{"keys": [{"kty": "OKP", "kid": "a", "nbf": "x"}]}'],
)  # fmt: skip
def test_a_damaged_set_is_named_and_never_served(keys: KeyFiles, content: bytes) -> None:
    (keys.published_dir / "personal.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"personal\.json"):
        served_key_sets(keys.published_dir, NOW)


def test_a_set_that_is_damaged_while_it_is_served_stays_as_it_was(
    keys: KeyFiles, caplog: pytest.LogCaptureFixture
) -> None:
    serving = ServedKeys(keys.published_dir)
    good = serving.current(NOW)
    file = keys.published_dir / "personal.json"
    content = file.read_text()
    file.write_text("{")
    assert [serving.current(NOW), serving.current(NOW)] == [good, good]
    assert [record.message.partition(":")[0] for record in caplog.records] == ["keys not taken, those in force stay"]
    file.write_text(content)
    keys.rotate("personal", NOW, 0, LIFE)
    assert serving.current(NOW) != good


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_that_others_may_read_does_not_sign(keys: KeyFiles, mode: int) -> None:
    (keys.private_dir / "personal.key").chmod(mode)
    with pytest.raises(ConfigurationError, match="others may access it"):
        keys.signer("personal", NOW)


def test_a_key_of_another_kind_is_refused(keys: KeyFiles) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (keys.private_dir / "personal.key").write_bytes(pem)
    with pytest.raises(ConfigurationError, match="expected an Ed25519 key"):
        keys.signer("personal", NOW)


def test_a_key_that_was_removed_makes_room_for_a_new_one(keys: KeyFiles) -> None:
    old = keys.signer("personal", NOW).key_id
    (keys.private_dir / "personal.key").unlink()
    keys.ensure("personal", NOW)
    new = keys.signer("personal", NOW).key_id
    assert served(keys, NOW) == [old, new]  # what the lost key has signed lives on
    assert new != old


def test_a_lost_set_is_published_again_with_the_key_that_signs(keys: KeyFiles) -> None:
    key = keys.signer("personal", NOW).key_id
    (keys.published_dir / "personal.json").unlink()
    keys.ensure("personal", NOW)
    assert served(keys, NOW) == [key]


def test_a_retired_key_that_was_put_back_does_not_sign_again(keys: KeyFiles) -> None:
    retired = (keys.private_dir / "personal.key").read_bytes()
    old = keys.signer("personal", NOW).key_id
    keys.rotate("personal", NOW, 0, LIFE)
    keys.signer("personal", NOW)
    (keys.private_dir / "personal.key").write_bytes(retired)
    with pytest.raises(ConfigurationError, match="no issuer key"):
        keys.signer("personal", NOW)
    keys.ensure("personal", NOW)
    assert keys.signer("personal", NOW).key_id not in (old, *served(keys, NOW)[:-1])


def test_asking_for_a_key_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no issuer key"):
        KeyFiles(tmp_path / "issuers", tmp_path / "jwks").signer("personal", NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_lies_elsewhere_signs_through_the_same_port() -> None:
    """As a key management service does: the private half never comes here, and the algorithm is its own."""
    import jwt  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature  # noqa: PLC0415

    private = ec.generate_private_key(ec.SECP256R1())

    class Remote:
        algorithm, key_id = "ES256", "kms-1"

        def sign(self, message: bytes) -> bytes:
            r, s = decode_dss_signature(private.sign(message, ec.ECDSA(SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    token = signed_token({"sub": "anna"}, Remote())
    assert jwt.decode(token, private.public_key(), algorithms=["ES256"]) == {"sub": "anna"}
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": "kms-1"}
