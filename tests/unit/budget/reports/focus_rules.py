"""What FOCUS 1.4 asks of a Cost and Usage data set, as far as usage charges go; written from the specification alone.

Columns with their feature level, types, nullability and allowed values, and the requirements that tie columns together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

Row = Mapping[str, str | None]

MANDATORY = (
    *(
        "BilledCost",
        "BillingAccountId",
        "BillingAccountName",
        "BillingCurrency",
        "BillingPeriodEnd",
        "BillingPeriodStart",
    ),
    *("ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost"),
    *(
        "EffectiveCost",
        "HostProviderName",
        "InvoiceIssuerName",
        "ListCost",
        "PricingQuantity",
        "PricingUnit",
    ),
    *("ServiceCategory", "ServiceName", "ServiceProviderName"),
)
NEVER_NULL = frozenset(MANDATORY) - {"ChargeClass"}
# Present where the provider has such a thing; a usage charge with a price has all of these.
NEVER_NULL_FOR_USAGE = (
    *(
        "BillingAccountType",
        "ChargeFrequency",
        "ConsumedQuantity",
        "ConsumedUnit",
        "ContractedUnitPrice",
        "ListUnitPrice",
    ),
    *("PricingCategory", "PricingCurrency", "PricingCurrencyContractedUnitPrice", "PricingCurrencyEffectiveCost"),
    *("PricingCurrencyListUnitPrice", "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceId"),
)
ALLOCATED = (
    *("AllocatedMethodDetails", "AllocatedMethodId", "AllocatedResourceId", "AllocatedResourceName", "AllocatedTags"),
)
OTHER = (
    *ALLOCATED,
    *("CommitmentProgramEligibilityDetails", "ContractApplied", "InvoiceDetailId"),
    *("AvailabilityZone", "CapacityReservationId", "CapacityReservationStatus", "CommitmentDiscountCategory"),
    *("CommitmentDiscountId", "CommitmentDiscountName", "CommitmentDiscountQuantity", "CommitmentDiscountStatus"),
    *("CommitmentDiscountType", "CommitmentDiscountUnit", "InvoiceId", "RegionId", "RegionName", "ResourceId"),
    *("ResourceName", "ResourceType", "SkuPriceDetails", "SubAccountId", "SubAccountName", "SubAccountType", "Tags"),
)
COLUMNS = frozenset((*MANDATORY, *NEVER_NULL_FOR_USAGE, *OTHER))

ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeClass": {"Correction"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": {"AI and Machine Learning"},  # of the 19 categories the one that a model belongs to
    "ServiceSubcategory": {
        "Bots",
        "Generative AI",
        "Machine Learning",
        "Natural Language Processing",
        "Other (AI and Machine Learning)",
    },
}
DECIMALS = tuple(name for name in COLUMNS if re.search(r"(Cost|Quantity|UnitPrice)$", name))
MOMENTS = ("BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart")
CURRENCIES = ("BillingCurrency", "PricingCurrency")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
UNIT = re.compile(r"([1-9]\d* )?[A-Z][A-Za-z]+")  # unit format: an optional quantity, then a unit


def faults(header: Sequence[str], rows: Sequence[Row]) -> Iterator[str]:
    """What is wrong, as `row: column: what`."""
    yield from (f"header: {name}: missing" for name in sorted(COLUMNS - set(header)))
    own = [name for name in header if name not in COLUMNS]
    yield from (f"header: {name}: neither of the specification nor x_" for name in own if not name.startswith("x_"))
    yield from (f"header: {name}: longer than 50 characters" for name in header if len(name) > 50)
    if len(set(header)) < len(header):
        yield "header: a column is there twice"
    for number, row in enumerate(rows, 1):
        found = [*_types(row), *_presence(row)]
        yield from (f"{number}: {fault}" for fault in found or _relations(row))


def _types(row: Row) -> Iterator[str]:
    for name, value in row.items():
        if value is None:
            continue
        if value == "":
            yield f"{name}: empty instead of null"
        if name in DECIMALS and not NUMBER.fullmatch(value):
            yield f"{name}: not in numeric format: {value}"
        if name in MOMENTS and not MOMENT.fullmatch(value):
            yield f"{name}: not in date/time format: {value}"
        if name in CURRENCIES and not re.fullmatch("[A-Z]{3}", value):
            yield f"{name}: no code of ISO 4217: {value}"
        if name in ALLOWED and value not in ALLOWED[name]:
            yield f"{name}: not allowed: {value}"
        if name.endswith("Unit") and not UNIT.fullmatch(value):
            yield f"{name}: not in unit format: {value}"


def _presence(row: Row) -> Iterator[str]:
    yield from (f"{name}: null" for name in sorted(NEVER_NULL) if row[name] is None)
    if row["ChargeCategory"] == "Usage" and row["ChargeClass"] is None:
        yield from (f"{name}: null for usage" for name in NEVER_NULL_FOR_USAGE if row[name] is None)
    for name, of in (("ResourceName", "ResourceId"), ("ResourceType", "ResourceId"), ("RegionName", "RegionId")):
        if (row[name] is None) != (row[of] is None):
            yield f"{name}: null apart from {of}"
    if len({row[name] is None for name in ("SubAccountId", "SubAccountName", "SubAccountType")}) > 1:
        yield "SubAccountId: null apart from its name and type"
    if row["AllocatedMethodId"] is None:
        yield from (f"{name}: not null without AllocatedMethodId" for name in ALLOCATED if row[name] is not None)
    if (row["InvoiceDetailId"] is None) != (row["InvoiceId"] is None):
        yield "InvoiceDetailId: null apart from InvoiceId"
    if row["CommitmentDiscountId"] is None:
        others = (name for name in row if name.startswith("CommitmentDiscount") and row[name] is not None)
        yield from (f"{name}: not null without CommitmentDiscountId" for name in others)


def _relations(row: Row) -> Iterator[str]:
    quantity = Decimal(row["PricingQuantity"] or 0)
    for price, cost in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
        if abs(Decimal(row[price] or 0) * quantity - Decimal(row[cost] or 0)) > Decimal("1e-9"):
            yield f"{cost}: is not {price} times PricingQuantity"
        if Decimal(row[price] or 0) < 0:
            yield f"{price}: negative"
    starts, ends = (_moment(row[f"ChargePeriod{each}"]) for each in ("Start", "End"))
    first, last = (_moment(row[f"BillingPeriod{each}"]) for each in ("Start", "End"))
    if not first <= starts < ends <= last:
        yield "ChargePeriodStart: not before its end within the billing period"
    if row["Tags"] is not None and not all(isinstance(each, str) for each in json.loads(row["Tags"]).values()):
        yield "Tags: not in key-value format"


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text or "")
