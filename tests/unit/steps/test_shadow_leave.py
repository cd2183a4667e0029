"""The leave of a copy: nobody but a processor of this machine can make or change one, and it is soon over."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_ext.errors import ShadowUnproven
from gateway_ext.steps.shadow_leave import Leave, opened, sealed, shadow_key

KEY = shadow_key(b"key-of-the-machine, of 32 bytes.")
LEAVE = Leave(
    "copy", "exchange", "digest", "eu/candidate", "candidate", "assistant", "/v1/chat/completions",
    "/v1/chat/completions", False, True, 100, 200, "00" * 32, 1_000, "équipe",
)  # fmt: skip


def test_it_comes_back_as_it_was_given() -> None:
    assert opened(sealed(LEAVE, KEY), KEY, 1_000) == LEAVE


def test_it_is_over_when_it_is_over() -> None:
    with pytest.raises(ShadowUnproven):
        opened(sealed(LEAVE, KEY), KEY, 1_001)


def test_another_machine_cannot_give_it() -> None:
    with pytest.raises(ShadowUnproven):
        opened(sealed(LEAVE, shadow_key(b"another")), KEY, 0)


@given(st.data())
@settings(max_examples=150)
def test_no_bit_of_it_can_be_changed(data: st.DataObject) -> None:
    payload, seal = map(base64.urlsafe_b64decode, sealed(LEAVE, KEY).split("."))
    whole = bytearray(payload + seal)
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    changed = b".".join(map(base64.urlsafe_b64encode, (whole[: len(payload)], whole[len(payload) :]))).decode()
    with pytest.raises(ShadowUnproven):
        opened(changed, KEY, 0)


@pytest.mark.parametrize(
    "value", ["", ".", "a.b", "é.é", "e30=.", f"{base64.b64encode(b'[]').decode()}.AAAA", "x" * 9_000]
)
def test_anything_else_is_none(value: str) -> None:
    with pytest.raises(ShadowUnproven):
        opened(value, KEY, 0)


def test_it_names_no_person_and_shows_no_content() -> None:
    payload = json.loads(base64.urlsafe_b64decode(sealed(LEAVE, KEY).split(".")[0]))
    assert len(payload) == len(Leave.__slots__) == 19  # a new field must be thought about here
