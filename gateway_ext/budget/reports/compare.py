"""What past requests would have cost elsewhere: the same tokens at other prices, request by request, rounded as requests are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway_ext.budget.prices import Price
from gateway_ext.budget.reports.usage import Charged

TOKENIZERS = (
    "Tokens are as counted by the model that answered: another one splits the same text differently, and answers at its own"
    " length."
)
CACHES = "What was read from a provider's cache is taken as cached elsewhere, too; what was written to one, as written."
SECONDS = "Time on your own machines is that of the model that answered."


@dataclass(slots=True)
class Compared:
    """Of the requests that asked for one model: what was paid, and by deployment what it `would_nano` have been.

    Requests whose usage nobody told (charged at their worst case) are left out of all figures but `unknown_requests`.
    """

    requests: int = 0
    estimated_requests: int = 0
    unknown_requests: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    paid_nano: int = 0
    would_nano: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """By the model asked for. `elsewhere` are requests in other currencies than that of the prices: not compared."""

    models: Mapping[str, Compared]
    elsewhere: int


def compared(requests: Iterable[Charged], prices: Mapping[str, Price], currency: str) -> Comparison:
    """`requests` at each of `prices` (by deployment), which are in `currency`."""
    models: dict[str, Compared] = {}
    elsewhere = 0
    for request in requests:
        if request.currency != currency:
            elsewhere += 1
            continue
        found = models.get(request.model)
        if found is None:
            found = models[request.model] = Compared(would_nano=dict.fromkeys(prices, 0))
        _add(found, request, prices)
    return Comparison(models, elsewhere)


def remarks(prices: Mapping[str, Price]) -> list[str]:
    """What such a comparison cannot know."""
    return [TOKENIZERS, CACHES, *([SECONDS] if any(price.per_second_nano for price in prices.values()) else [])]


def _add(found: Compared, request: Charged, prices: Mapping[str, Price]) -> None:
    usage = request.usage
    if usage is None:
        found.unknown_requests += 1
        return
    found.requests += 1
    found.estimated_requests += usage.is_estimated
    found.input_tokens += usage.input_tokens
    found.cached_input_tokens += usage.cached_input_tokens
    found.output_tokens += usage.output_tokens
    found.paid_nano += request.cost_nano
    for cluster, price in prices.items():
        found.would_nano[cluster] += price.cost_nano(usage)
