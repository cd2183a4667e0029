"""A budget that a credential carries: understood to the letter, or nothing may be spent."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.errors import CredentialBudgetUnusable
from gateway_ext.exchange import CredentialBudget, CredentialClass, Interface, VerifiedClaims
from gateway_ext.identity.carried_budget import carried_budget
from gateway_ext.identity.claims import authenticate
from gateway_ext.identity.rules import IdentityRules, IssuerRule

GOOD = {"account": "c1", "currency": "EUR", "limit_nano": "9007199254740993", "window": "month"}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*GOOD, "other"]), inner, max_size=5),
)


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in GOOD.items() if key != name}


def test_it_is_exact_beyond_what_a_double_can_hold() -> None:
    assert carried_budget({"budget": GOOD}) == CredentialBudget("c1", "EUR", 2**53 + 1, "month")
    assert carried_budget({"budget": GOOD | {"limit_nano": "0"}}) == CredentialBudget("c1", "EUR", 0, "month")
    assert carried_budget({}) is None


@pytest.mark.parametrize(
    "claim",
    [
        None,
        "",
        5.0,
        [],
        {},
        *map(without, GOOD),
        GOOD | {"more": "x"},
        GOOD | {"account": ""},
        GOOD | {"account": "x" * 257},
        GOOD | {"account": "a\nb"},
        GOOD | {"window": None},
        GOOD | {"currency": ["EUR"]},
        GOOD | {"limit_nano": 5.0},
        GOOD | {"limit_nano": "-1"},
        GOOD | {"limit_nano": "+1"},
        GOOD | {"limit_nano": "1.5"},
        GOOD | {"limit_nano": "1e3"},
        GOOD | {"limit_nano": "01"},
        GOOD | {"limit_nano": "٣"},
        GOOD | {"limit_nano": ""},
        GOOD | {"limit_nano": str(10**18 + 1)},
        GOOD | {"limit_nano": "9" * 200},
    ],
)
def test_anything_else_refuses(claim: Any) -> None:
    with pytest.raises(CredentialBudgetUnusable):
        carried_budget({"budget": claim})


@given(JSON)
def test_no_claim_is_read_as_no_budget(claim: Any) -> None:
    with contextlib.suppress(CredentialBudgetUnusable):
        assert carried_budget({"budget": claim}) is not None


@pytest.mark.parametrize("credential_class", CredentialClass)
def test_only_credentials_of_ours_carry_one(credential_class: CredentialClass) -> None:
    rule = IssuerRule("one", credential_class, "person", frozenset({Interface.PUBLIC}), {"subject": "sub"})
    claims = VerifiedClaims({"sub": "anna", "budget": GOOD})
    principal = authenticate({"one": claims}, Interface.PUBLIC, IdentityRules({"one": rule}, ()))
    expected = None if credential_class is CredentialClass.SSO else CredentialBudget("c1", "EUR", 2**53 + 1)
    assert principal.budget == expected
