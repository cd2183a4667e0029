"""What a deployment costs: rates for each kind of token, and from when they hold. Integers only; one rounding, upwards."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from operator import attrgetter

from gateway_ext.exchange import Estimate, Usage
from gateway_ext.limits import NANO, TOKENS_PER_RATE

_PARTS_PER_TOKEN = (
    NANO // TOKENS_PER_RATE
)  # sums are kept in billionths of a nano-unit, of which a nanosecond costs whole ones


@dataclass(frozen=True, slots=True)
class Price:
    """Rates in nano-units of the provider's currency per million tokens; the rest in nano-units.

    A cost is what they add up to, times `numerator` / `denominator` (discount and exchange rate), rounded up once: never
    below the exact value, less than one nano-unit above it. A rate that is None is that of the kind it is a part of. The
    order of the fields is that of the ledger's stored form: new ones come last.
    """

    input_rate: int
    output_rate: int
    cached_input_rate: int
    per_request_nano: int = 0
    cache_write_rate: int | None = None
    cache_write_1h_rate: int | None = None  # None: as cache_write_rate
    reasoning_rate: int | None = None
    audio_input_rate: int | None = None
    audio_output_rate: int | None = None
    image_input_rate: int | None = None
    image_output_rate: int | None = None
    per_second_nano: int = 0  # of Usage.served_ns: of all graphics processors that serve the request together
    seconds_max: int = 0  # that are reserved; a longer answer is charged in full all the same
    numerator: int = 1
    denominator: int = 1

    def cost_nano(self, usage: Usage) -> int:
        """Cost of `usage` in nano-units of the book's currency."""
        cached_tokens = usage.cached_input_tokens
        if cached_tokens > usage.input_tokens or usage.has_kinds():
            return self._total_nano(self._by_kind(usage), usage.served_ns)
        plain = (usage.input_tokens - cached_tokens) * self.input_rate + usage.output_tokens * self.output_rate
        return self._total_nano(plain + cached_tokens * self.cached_input_rate, usage.served_ns)

    def worst_case_nano(self, estimate: Estimate) -> int:
        """Upper bound of the cost of a request within `estimate`, whatever kinds its tokens are of, that is served within
        `seconds_max`."""
        dearest_input, dearest_output = _dearest_rates(self)
        tokens = estimate.input_tokens * dearest_input + estimate.output_tokens * dearest_output
        return self._total_nano(tokens, self.seconds_max * NANO)

    def stored(self) -> Sequence[int | None]:
        """The fields in their order; of those after the fourth, only up to the last one that has not its default."""
        values: tuple[int | None, ...] = _VALUES(self)
        if values[4:] == _DEFAULTS[4:]:  # as a rule
            return values[:4]
        length = len(values)
        while values[length - 1] == _DEFAULTS[length - 1]:
            length -= 1
        return values[:length]

    def _by_kind(self, usage: Usage) -> int:
        """Tokens times their rates."""
        written_rate, written_1h_rate = self._written_rates()
        written_1h = min(usage.cache_write_1h_tokens, usage.cache_write_tokens)
        return _charged(
            usage.input_tokens,
            self.input_rate,
            (
                (usage.cached_input_tokens, self.cached_input_rate),
                (usage.cache_write_tokens - written_1h, written_rate),
                (written_1h, written_1h_rate),
                (usage.audio_input_tokens, _or(self.audio_input_rate, self.input_rate)),
                (usage.image_input_tokens, _or(self.image_input_rate, self.input_rate)),
            ),
        ) + _charged(
            usage.output_tokens,
            self.output_rate,
            (
                (usage.reasoning_tokens, _or(self.reasoning_rate, self.output_rate)),
                (usage.audio_output_tokens, _or(self.audio_output_rate, self.output_rate)),
                (usage.image_output_tokens, _or(self.image_output_rate, self.output_rate)),
            ),
        )

    def _written_rates(self) -> tuple[int, int]:
        written_rate = _or(self.cache_write_rate, self.input_rate)
        return written_rate, _or(self.cache_write_1h_rate, written_rate)

    def _total_nano(self, tokens: int, served_ns: int) -> int:
        parts = tokens * _PARTS_PER_TOKEN + self.per_request_nano * NANO + served_ns * self.per_second_nano
        return -(-parts * self.numerator // (NANO * self.denominator))


_FIELDS = tuple(field.name for field in fields(Price))
_VALUES = attrgetter(*_FIELDS)
_DEFAULTS = _VALUES(Price(0, 0, 0))


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """A price, and the moment it begins. It holds until the next one begins."""

    from_unix_nano: int
    price: Price


Schedule = tuple[DatedPrice, ...]
"""Of one deployment: at least one price, earliest first."""


def price_at(schedule: Schedule, now_unix_nano: int) -> Price | None:
    """The price in force; None before the first one begins."""
    if schedule[-1].from_unix_nano <= now_unix_nano:  # as a rule
        return schedule[-1].price
    position = bisect_right(schedule, now_unix_nano, key=lambda dated: dated.from_unix_nano)
    return schedule[position - 1].price if position else None


def always(price: Price) -> Schedule:
    """The schedule of a price without dates."""
    return (DatedPrice(0, price),)


def _charged(total_tokens: int, rate: int, kinds: tuple[tuple[int, int], ...]) -> int:
    """Tokens of `kinds` (how many, rate) at their own rates, the rest of the total at `rate`.

    Where kinds overlap (audio that came from a cache), so that together they exceed the total, the dearest count first.
    """
    if sum([tokens for tokens, _ in kinds]) > total_tokens:
        kinds = tuple(sorted(kinds, key=lambda kind: kind[1], reverse=True))
    left, charged = total_tokens, 0
    for tokens, own_rate in kinds:
        counted = min(tokens, left)
        charged += counted * own_rate
        left -= counted
    return charged + left * rate


@lru_cache(maxsize=4096)  # the prices of a policy, at each request
def _dearest_rates(price: Price) -> tuple[int, int]:
    """Of any kind of input, and of output."""
    inputs = (
        price.input_rate,
        price.cached_input_rate,
        price.cache_write_rate,
        price.cache_write_1h_rate,
        price.audio_input_rate,
        price.image_input_rate,
    )
    outputs = (price.output_rate, price.reasoning_rate, price.audio_output_rate, price.image_output_rate)
    return max(rate for rate in inputs if rate is not None), max(rate for rate in outputs if rate is not None)


def _or(rate: int | None, otherwise: int) -> int:
    return otherwise if rate is None else rate
