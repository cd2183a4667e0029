from dataclasses import replace

import pytest

from gateway_ext.subjects.sealing import opened, seal, sealed_details
from gateway_ext.subjects.subject import Subject, new_subject

ADA = new_subject("ada")


def test_what_is_sealed_comes_back_and_cannot_be_read_otherwise() -> None:
    sealed = sealed_details(ADA, "ada@example.eu", "key-1")
    assert opened(ADA, sealed) == {"subject": "ada", "email": "ada@example.eu", "credential_id": "key-1"}
    assert b"ada" not in sealed


def test_sealed_twice_it_looks_different() -> None:
    assert seal(ADA, {"email": "x"}) != seal(ADA, {"email": "x"})


@pytest.mark.parametrize(
    "other",
    [new_subject("ada"), replace(ADA, pseudonym=new_subject("ada").pseudonym), replace(ADA, key=bytes(32))],
    ids=["another person", "another pseudonym", "another key"],
)
def test_nobody_else_opens_it(other: Subject) -> None:
    with pytest.raises(ValueError, match="not sealed for this subject"):
        opened(other, seal(ADA, {"email": "x"}))


def test_no_byte_of_it_can_be_changed() -> None:
    sealed = seal(ADA, {"email": "x"})
    for at in range(len(sealed)):
        with pytest.raises(ValueError, match="not sealed"):
            opened(ADA, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :])


@pytest.mark.parametrize("length", [0, 1, 12, 27])
def test_what_is_too_short_is_not_sealed(length: int) -> None:
    with pytest.raises(ValueError, match="not sealed"):
        opened(ADA, seal(ADA, {})[:length])
