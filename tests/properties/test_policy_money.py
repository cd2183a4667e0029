"""Amounts of a policy are exact: what is written is what is counted, down to one nano-unit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext import limits
from gateway_ext.limits import NANO
from gateway_ext.policy.fields import BUDGET_UNITS_MAX, RATE_UNITS_MAX
from gateway_ext.policy.prices_schema import Price
from gateway_ext.policy.schema import Budget
from gateway_ext.policy.yaml_source import read_source


def test_the_largest_request_at_the_highest_rate_fits_64_bits() -> None:
    tokens = limits.OUTPUT_TOKENS_ASKED_MAX * limits.CHOICES_MAX + limits.REQUEST_BODY_BYTES_MAX
    assert tokens * RATE_UNITS_MAX * NANO // limits.TOKENS_PER_RATE + RATE_UNITS_MAX * NANO < 2**63
    assert BUDGET_UNITS_MAX * NANO < 2**63


def written(amount_nano: int) -> str:
    return f"{amount_nano // NANO}.{amount_nano % NANO:09d}"


@given(st.integers(0, RATE_UNITS_MAX * NANO), st.integers(0, RATE_UNITS_MAX * NANO))
def test_rates_are_exact(input_nano: int, output_nano: int) -> None:
    source = read_source("x", f"{{input: {written(input_nano)}, output: {written(output_nano)}}}".encode())
    assert Price.model_validate(source.document).rates() == (input_nano, output_nano, input_nano, 0)


@given(st.integers(0, BUDGET_UNITS_MAX * NANO))
def test_budgets_are_exact(amount_nano: int) -> None:
    source = read_source("x", f"{{name: a, scope: user, amount: {written(amount_nano)}}}".encode())
    assert Budget.model_validate(source.document).amount == amount_nano
