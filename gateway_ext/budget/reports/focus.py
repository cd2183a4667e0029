"""Charged requests → rows of FOCUS 1.4, the FinOps Open Cost and Usage Specification. docs/reports.md says where each column is
from, and why some are null.

A row is one charge of one request: so many tokens of one kind at their rate. Values are text as FOCUS writes it (decimals
without exponent, times in UTC by ISO 8601), None for null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from gateway_ext.budget.reports.focus_columns import COLUMNS
from gateway_ext.budget.reports.meters import WHOLE_REQUEST, Charge, charges
from gateway_ext.budget.reports.usage import Charged
from gateway_ext.limits import NANO

VERSION = "1.4"
DECIMALS = 18
UNKNOWN_PROVIDER = "Unknown"

Row = dict[str, str | None]


def rows(request: Charged, organisation: str) -> Iterator[Row]:
    """The rows of a request: their `BilledCost` adds up to its cost. `organisation` is whose account is billed."""
    shared = _of_request(request, organisation)
    for charge in charges(request.usage, request.price, request.cost_nano):
        yield {**shared, **_of_charge(charge, request)}


def _of_request(request: Charged, organisation: str) -> Row:
    provider = request.cluster.partition("/")[0] or UNKNOWN_PROVIDER
    payer = request.payer
    return {
        **_NULL,
        **_times(request.created_unix_nano // (3_600 * NANO)),
        "BillingAccountId": organisation,
        "BillingAccountName": organisation,
        "BillingAccountType": "Organisation",
        "BillingCurrency": request.currency,
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "HostProviderName": provider,  # what is below it, a provider does not tell
        "InvoiceIssuerName": provider,
        "PricingCurrency": request.currency,
        "ResourceId": request.cluster or None,
        "ResourceName": request.cluster or None,
        "ResourceType": "Model Deployment" if request.cluster else None,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Model Inference",
        "ServiceProviderName": provider,
        "ServiceSubcategory": "Generative AI",
        "SubAccountId": payer.team or None,
        "SubAccountName": payer.team or None,
        "SubAccountType": "Team" if payer.team else None,
        "Tags": _tags(request),
        "x_CredentialId": payer.credential_id or None,
        "x_Flags": ",".join(request.flags) or None,
        "x_HoldId": request.hold_id,
        "x_IsEstimated": "true" if request.usage is None or request.usage.is_estimated else "false",
        "x_ModelAsked": request.model,
        "x_RequestedAt": _moment(datetime.fromtimestamp(request.created_unix_nano // NANO, UTC)),
        "x_SubjectId": payer.subject or None,
    }


def _of_charge(charge: Charge, request: Charged) -> Row:
    unit = charge.unit
    # What a step costs, with discount and exchange rate; a pinned price does not tell what it was without.
    unit_price = decimal(charge.rate_nano * charge.numerator, charge.denominator * NANO)
    cost = decimal(charge.amount * charge.rate_nano * charge.numerator, unit.per * charge.denominator * NANO)
    billed = decimal(charge.billed_nano, NANO)
    deployment = request.cluster or "unknown"
    sku = f"{deployment}:{charge.meter.lower().replace(' ', '-')}"
    return {
        "BilledCost": billed,
        "ChargeDescription": f"{charge.meter} of {deployment}",
        "ConsumedQuantity": decimal(charge.amount, NANO if unit.consumed == "Seconds" else 1),
        "ConsumedUnit": unit.consumed,
        "ContractedCost": cost,
        "ContractedUnitPrice": unit_price,
        "EffectiveCost": billed,
        "ListCost": cost,
        "ListUnitPrice": unit_price,
        "PricingCategory": "Other" if charge.meter == WHOLE_REQUEST else "Standard",
        "PricingCurrencyContractedUnitPrice": unit_price,
        "PricingCurrencyEffectiveCost": billed,
        "PricingCurrencyListUnitPrice": unit_price,
        "PricingQuantity": decimal(charge.amount, unit.per),
        "PricingUnit": unit.priced,
        "SkuId": sku,
        "SkuMeter": charge.meter,
        "SkuPriceId": sku,
    }


def decimal(numerator: int, denominator: int) -> str:
    """A fraction from 0, as a plain decimal number: exact up to DECIMALS, the last one rounded half up.

    Always with a point, by which readers that guess types tell a decimal from an integer.
    """
    scaled = (2 * numerator * 10**DECIMALS + denominator) // (2 * denominator)
    whole, fraction = divmod(scaled, 10**DECIMALS)
    decimals = f"{fraction:0{DECIMALS}d}".rstrip("0") or "0"
    return f"{whole}.{decimals}"


def _tags(request: Charged) -> str | None:
    payer = request.payer
    tags = {
        "agent_run": payer.agent_run,
        "application": payer.application,
        "business_unit": payer.business_unit,
        "cost_center": payer.cost_center,
        "environment": payer.environment,
        "project": payer.project,
    }
    known = {name: value for name, value in tags.items() if value}
    return json.dumps(known, ensure_ascii=False) if known else None


@lru_cache(maxsize=1024)
def _times(hour: int) -> Row:
    """The hour a request was asked in, since 1970, and the month of UTC around it."""
    starts = datetime.fromtimestamp(hour * 3_600, UTC)
    month = starts.replace(day=1, hour=0)
    return {
        "BillingPeriodStart": _moment(month),
        "BillingPeriodEnd": _moment((month + timedelta(days=32)).replace(day=1)),
        "ChargePeriodStart": _moment(starts),
        "ChargePeriodEnd": _moment(starts + timedelta(hours=1)),
    }


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


_NULL: Row = dict.fromkeys(COLUMNS)
