"""What may be asked for, and what is said about what may not."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.credentials.credential import Binding
from gateway_ext.credentials.minting import Asked, claims_of, credential_of, nano_units, successor_of
from gateway_ext.credentials.rules import Bounds, CredentialConflict, CredentialInvalid
from gateway_ext.exchange import CredentialBudget
from tests.unit.credentials.desk import ANNA, BOUNDS, NOW_UNIX, personal, service


@pytest.mark.parametrize(("asked", "days"), [(personal(), 7), (personal(days=30), 30), (personal(days=1), 1)])
def test_life_is_bounded_by_policy(asked: Asked, days: int) -> None:
    assert credential_of(asked, BOUNDS, "id", NOW_UNIX).expires_unix == NOW_UNIX + days * 86_400


@pytest.mark.parametrize(
    ("asked", "field", "problem"),
    [
        (personal(days=31), "days", "policy allows 1 to 30"),
        (personal(days=0), "days", "policy allows 1 to 30"),
        (personal(days=-1), "days", "policy allows 1 to 30"),
        (personal(""), "name", "one line of 1 to 256"),
        (personal("two\nlines"), "name", "one line"),
        (personal("x" * 257), "name", "one line"),
        (personal(owner=dataclasses.replace(ANNA, subject="")), "subject", "one line"),
        (personal(owner=dataclasses.replace(ANNA, team="")), "team", "one line"),
        (personal(owner=dataclasses.replace(ANNA, groups=("a", ""))), "groups", "one line"),
        (personal(owner=dataclasses.replace(ANNA, groups=("a",) * 65)), "groups", "0 to 64"),
        (personal(owner=dataclasses.replace(ANNA, email="a\x00b")), "email", "one line of 0 to 256"),
        (personal(owner=dataclasses.replace(ANNA, cost_center="x" * 257)), "cost_center", "one line"),
        (personal(purpose="\x1b[31m"), "purpose", "one line"),
        (personal(models=()), "models", "1 to 64"),
        (personal(models=("",)), "models", "one line"),
        (personal(budget_nano=0), "budget", "above 0"),
        (personal(budget_nano=-1), "budget", "above 0"),
        (personal(budget_nano=10**18 + 1), "budget", "at most 1000000000 units"),
        (service(binding=Binding()), "binding", "must be bound"),
        (service(binding=Binding(uri="spiffe://a\nb")), "uri", "one line"),
    ],
)
def test_anything_else_is_named(asked: Asked, field: str, problem: str) -> None:
    with pytest.raises(CredentialInvalid, match=problem) as refused:
        credential_of(asked, BOUNDS, "id", NOW_UNIX)
    assert refused.value.field == field


# --- budgets ---------------------------------------------------------------------------------------------------------


def test_a_budget_needs_a_currency() -> None:
    with pytest.raises(CredentialInvalid, match="no currency"):
        credential_of(personal(budget_nano=1), dataclasses.replace(BOUNDS, currency=""), "id", NOW_UNIX)


def test_a_budget_travels_as_text_because_numbers_of_claims_become_doubles() -> None:
    odd = 2**53 + 1
    minted = credential_of(personal(budget_nano=odd), BOUNDS, "first", NOW_UNIX)
    assert minted.budget == CredentialBudget("first", "EUR", odd)
    expected = {"account": "first", "currency": "EUR", "limit_nano": "9007199254740993", "window": "month"}
    assert claims_of(minted)["budget"] == expected
    assert "budget" not in claims_of(credential_of(personal(), BOUNDS, "id", NOW_UNIX))


def test_a_successor_spends_from_the_account_of_the_first() -> None:
    first = credential_of(personal(budget_nano=5), BOUNDS, "first", NOW_UNIX)
    second = successor_of(first, BOUNDS, "second", NOW_UNIX)
    third = successor_of(second, BOUNDS, "third", NOW_UNIX)
    assert third.id == "third"
    assert third.budget == first.budget == CredentialBudget("first", "EUR", 5)


def test_a_budget_of_another_currency_is_not_carried_on() -> None:
    first = credential_of(personal(budget_nano=5), BOUNDS, "first", NOW_UNIX)
    with pytest.raises(CredentialConflict, match="in EUR, and the book is in CHF"):
        successor_of(first, Bounds(30, 7, 2, "CHF"), "second", NOW_UNIX)
    unlimited = credential_of(personal(), BOUNDS, "first", NOW_UNIX)
    assert successor_of(unlimited, Bounds(30, 7, 2, "CHF"), "second", NOW_UNIX).budget is None


@given(st.decimals(min_value=0, max_value=10**9, places=9))
def test_amounts_are_read_exactly(amount: Decimal) -> None:
    assert Decimal(nano_units(f"{amount:f}")) == amount * 10**9


@pytest.mark.parametrize(("text", "nano"), [("5", 5 * 10**9), ("0.000000001", 1), ("2.5", 25 * 10**8), ("0", 0)])
def test_amounts_as_they_are_typed(text: str, nano: int) -> None:
    assert nano_units(text) == nano


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1e3", "1,5", "1_000", "01", ".5", "5.", "0.0000000001", "nan", "inf", "٣", " 1", "1" * 11]
)
def test_other_texts_are_no_amounts(text: str) -> None:
    with pytest.raises(CredentialInvalid, match="plain decimal number"):
        nano_units(text)
