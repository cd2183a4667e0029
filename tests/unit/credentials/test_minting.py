"""What may be asked for, and what is said about what may not."""

from __future__ import annotations

import dataclasses

import pytest

from gateway_ext.credentials.credential import Binding
from gateway_ext.credentials.minting import Asked, credential_of
from gateway_ext.errors import ConfigurationError
from tests.unit.credentials.desk import ANNA, BOUNDS, NOW_UNIX, personal, service


@pytest.mark.parametrize(("asked", "days"), [(personal(), 7), (personal(days=30), 30), (personal(days=1), 1)])
def test_life_is_bounded_by_policy(asked: Asked, days: int) -> None:
    assert credential_of(asked, BOUNDS, "id", NOW_UNIX).expires_unix == NOW_UNIX + days * 86_400


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (personal(days=31), "policy allows 1 to 30"),
        (personal(days=0), "policy allows 1 to 30"),
        (personal(days=-1), "policy allows 1 to 30"),
        (personal(""), "--name"),
        (personal("two\nlines"), "--name"),
        (personal("x" * 257), "--name"),
        (personal(owner=dataclasses.replace(ANNA, subject="")), "--subject"),
        (personal(owner=dataclasses.replace(ANNA, team="")), "--team"),
        (personal(owner=dataclasses.replace(ANNA, groups=("a", ""))), "--group"),
        (personal(owner=dataclasses.replace(ANNA, groups=("a",) * 65)), "at most 64 groups"),
        (personal(purpose="\x1b[31m"), "--purpose"),
        (personal(models=()), "1 to 64 models"),
        (personal(models=("",)), "--model"),
        (service(binding=Binding()), "must be bound"),
    ],
)
def test_anything_else_is_named(asked: Asked, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        credential_of(asked, BOUNDS, "id", NOW_UNIX)
