from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway_ext.errors import IdentityProviderUnavailable
from gateway_ext.exchange import CredentialClass, Interface
from gateway_ext.identity.key_age import KeyAges
from gateway_ext.identity.rules import IssuerRule

NOW = 1_800_000_000_000_000_000


def issuer(keys_max_age_seconds: int | None) -> IssuerRule:
    interfaces = frozenset({Interface.PUBLIC})
    claims = {"subject": "sub"}
    return IssuerRule(
        "company", CredentialClass.SSO, "person", interfaces, claims, keys_max_age_seconds=keys_max_age_seconds
    )


def fetched(directory: Path, seconds_ago: float) -> KeyAges:
    file = directory / "company"
    file.touch()
    then = NOW - int(seconds_ago * 1_000_000_000)
    os.utime(file, ns=(then, then))
    return KeyAges(directory, lambda: NOW)


def test_keys_are_believed_up_to_their_maximum_age(tmp_path: Path) -> None:
    fetched(tmp_path, 60).require_fresh(issuer(60))
    with pytest.raises(IdentityProviderUnavailable) as refused:
        fetched(tmp_path, 60.001).require_fresh(issuer(60))
    assert refused.value.retry_after_seconds == 30


def test_keys_that_are_not_fetched_have_no_age(tmp_path: Path) -> None:
    KeyAges(tmp_path, lambda: NOW).require_fresh(issuer(None))


@pytest.mark.parametrize("directory", ["there", "missing", None])
def test_keys_nobody_saw_being_fetched_are_too_old(tmp_path: Path, directory: str | None) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "other").touch()
    ages = KeyAges(None if directory is None else tmp_path / directory, lambda: NOW)
    with pytest.raises(IdentityProviderUnavailable) as refused:
        ages.require_fresh(issuer(30 * 86_400))
    assert refused.value.retry_after_seconds == 1  # it may be but the first half second of a new state directory
