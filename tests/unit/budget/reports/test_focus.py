from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from gateway_ext.budget.prices import Price
from gateway_ext.budget.reports.focus import decimal, rows
from gateway_ext.budget.reports.focus_columns import COLUMNS
from gateway_ext.budget.reports.usage import Charged, Dimension
from gateway_ext.budget.rules import Payer
from gateway_ext.exchange import Usage
from tests.unit.budget.reports import focus_rules
from tests.unit.budget.reports.charged import charged

PRICE_BOOK = Price(
    1_234_567, 7_654_321, 3, 11, reasoning_rate=9_999_999, per_second_nano=3, numerator=123, denominator=1_000
)
REQUESTS = [
    charged(Usage(1_000, 200, 400)),
    charged(Usage(17, 5, 3, reasoning_tokens=2, served_ns=1_234_567_890), PRICE_BOOK),
    charged(Usage(5, 5, is_estimated=True), flags=("usage_estimated",)),
    charged(None, state="expired", cluster="", price=None, payer=Payer("eve"), flags=("recovered", "usage_estimated")),
    charged(Usage(0, 0)),
]


def test_the_columns_are_those_of_the_specification_and_ours() -> None:
    assert len(focus_rules.COLUMNS) == 65
    assert {name for name in COLUMNS if not name.startswith("x_")} == focus_rules.COLUMNS
    assert list(COLUMNS) == sorted(COLUMNS)


@pytest.mark.parametrize("request_", REQUESTS, ids=["plain", "price book", "estimated", "recovered", "free"])
def test_every_row_is_as_the_specification_says(request_: Charged) -> None:
    found = list(rows(request_, "Acme"))
    assert list(focus_rules.faults(list(COLUMNS), found)) == []
    assert all(list(row) == list(COLUMNS) for row in found)
    assert sum(Decimal(row["BilledCost"] or 0) for row in found) == Decimal(request_.cost_nano).scaleb(-9)


def test_the_documentation_says_where_each_column_is_from() -> None:
    """And what can be grouped by."""
    document = (Path(__file__).parents[4] / "docs" / "reports.md").read_text()
    rows_of_columns = re.findall(r"^\| (`(?:[A-Z]|x_).*?) \|", document, re.MULTILINE)
    named = [name for row in rows_of_columns for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == list(COLUMNS)
    by = next(line for line in document.splitlines() if line.startswith("| `--by` |"))
    assert set(re.findall(r"`(\w+)`", by)) == set(Dimension)


def test_a_row_in_full() -> None:
    row = next(rows(charged(Usage(1_000, 200, 400)), "Acme"))
    assert {name: value for name, value in row.items() if value is not None} == {
        "BilledCost": "0.00108",
        "BillingAccountId": "Acme",
        "BillingAccountName": "Acme",
        "BillingAccountType": "Organisation",
        "BillingCurrency": "EUR",
        "BillingPeriodEnd": "2023-12-01T00:00:00Z",
        "BillingPeriodStart": "2023-11-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeDescription": "Input Tokens of eu/model",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": "2023-11-14T23:00:00Z",
        "ChargePeriodStart": "2023-11-14T22:00:00Z",
        "ConsumedQuantity": "600.0",
        "ConsumedUnit": "Tokens",
        "ContractedCost": "0.00108",
        "ContractedUnitPrice": "1.8",
        "EffectiveCost": "0.00108",
        "HostProviderName": "eu",
        "InvoiceIssuerName": "eu",
        "ListCost": "0.00108",
        "ListUnitPrice": "1.8",
        "PricingCategory": "Standard",
        "PricingCurrency": "EUR",
        "PricingCurrencyContractedUnitPrice": "1.8",
        "PricingCurrencyEffectiveCost": "0.00108",
        "PricingCurrencyListUnitPrice": "1.8",
        "PricingQuantity": "0.0006",
        "PricingUnit": "1000000 Tokens",
        "ResourceId": "eu/model",
        "ResourceName": "eu/model",
        "ResourceType": "Model Deployment",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Model Inference",
        "ServiceProviderName": "eu",
        "ServiceSubcategory": "Generative AI",
        "SkuId": "eu/model:input-tokens",
        "SkuMeter": "Input Tokens",
        "SkuPriceId": "eu/model:input-tokens",
        "SubAccountId": "engines",
        "SubAccountName": "engines",
        "SubAccountType": "Team",
        "Tags": '{"agent_run": "run-1", "application": "app", "business_unit": "works", "cost_center": "4711", "environment": "prod", "project": "p1"}',
        "x_CredentialId": "c1",
        "x_HoldId": "h1",
        "x_IsEstimated": "false",
        "x_ModelAsked": "large",
        "x_RequestedAt": "2023-11-14T22:13:20Z",
        "x_SubjectId": "ada@example.com",
    }


def test_the_rules_find_what_is_wrong() -> None:
    good = next(rows(charged(Usage(1_000, 200, 400)), "Acme"))
    wrong = {
        "BilledCost": ("1e-5", None),
        "BillingCurrency": ("euro",),
        "ChargeCategory": ("Use",),
        "AllocatedTags": ("{}",),
        "HostProviderName": (None,),
        "InvoiceId": ("7",),
        "ChargePeriodStart": ("2023-11-14 22:00", "2023-11-14T23:00:00Z", "2023-10-31T23:00:00Z"),
        "ContractedCost": ("0.00109",),
        "PricingUnit": ("per token", None),
        "SubAccountName": (None,),
        "Tags": ('{"a": 1}',),
        "ServiceName": ("",),
    }
    for name, values in wrong.items():
        for value in values:
            assert list(focus_rules.faults(list(COLUMNS), [{**good, name: value}])), (name, value)
    assert "header: ListCost: missing" in list(focus_rules.faults([name for name in COLUMNS if name != "ListCost"], []))


@pytest.mark.parametrize(
    ("numerator", "denominator", "text"),
    [
        (0, 7, "0.0"),
        (1, 10**9, "0.000000001"),
        (10**24, 10**9, "1000000000000000.0"),
        (1, 3, "0.333333333333333333"),
        (2, 3, "0.666666666666666667"),
        (5, 2, "2.5"),
        (10**19 - 1, 10**19, "1.0"),
        (100, 1, "100.0"),
    ],
)
def test_decimals(numerator: int, denominator: int, text: str) -> None:
    assert decimal(numerator, denominator) == text
