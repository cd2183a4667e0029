from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway_ext.audit.checkpoint_keys import load_or_make_key
from gateway_ext.errors import ConfigurationError


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    made = load_or_make_key(tmp_path / "state" / "checkpoint.key")
    assert load_or_make_key(tmp_path / "state" / "checkpoint.key").public_key == made.public_key
    assert (tmp_path / "state" / "checkpoint.key").stat().st_mode & 0o777 == 0o600
    assert "PrivateKey" not in repr(made)


def test_a_key_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    load_or_make_key(tmp_path / "a.key")
    (tmp_path / "a.key").chmod(0o640)
    with pytest.raises(ConfigurationError, match="others may access"):
        load_or_make_key(tmp_path / "a.key")


def test_another_kind_of_key_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    path.touch(0o600)
    with pytest.raises(ConfigurationError, match="private key"):
        load_or_make_key(path)
    path.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    with pytest.raises(ConfigurationError, match="expected an Ed25519 key"):
        load_or_make_key(path)
