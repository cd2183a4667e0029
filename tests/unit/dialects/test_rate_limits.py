from __future__ import annotations

import pytest

from gateway_ext.dialects.rate_limits import PROVIDERS_NAMES, field_names, rate_limit_fields
from gateway_ext.exchange import Dialect
from gateway_ext.quota import Quota, Unit

QUOTAS = (
    Quota("user", Unit.REQUESTS, 60, 57, 3, 1_700_000_003),
    Quota("team", Unit.REQUESTS, 600, 40, 56, 1_700_000_056),
    Quota("tokens", Unit.TOKENS, 400_000, 0, 3_600, 1_700_003_600),
    Quota("money", Unit.MONEY, 1, 0, 1),
    Quota("streams", Unit.CONCURRENT, 4, 0, 0),
)


def test_openai_is_told_of_the_tightest_of_each_unit() -> None:
    assert rate_limit_fields(Dialect.OPENAI, QUOTAS) == {
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "40",
        "x-ratelimit-reset-requests": "56s",
        "x-ratelimit-limit-tokens": "400000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1h0m0s",
    }


def test_anthropic_is_told_in_its_own_words() -> None:
    assert rate_limit_fields(Dialect.ANTHROPIC, QUOTAS[:1]) == {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "57",
        "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:23Z",
    }


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59, "59s"), (360, "6m0s"), (86_400, "24h0m0s")])
def test_a_duration_is_written_as_openai_does(seconds: int, text: str) -> None:
    fields = rate_limit_fields(Dialect.OPENAI, [Quota("r", Unit.REQUESTS, 1, 1, seconds)])
    assert fields["x-ratelimit-reset-requests"] == text


def test_nothing_is_told_of_what_has_no_field() -> None:
    assert rate_limit_fields(Dialect.OPENAI, QUOTAS[3:]) == {}


@pytest.mark.parametrize("dialect", list(Dialect))
def test_whatever_we_say_a_provider_cannot(dialect: Dialect) -> None:
    assert rate_limit_fields(dialect, QUOTAS).keys() == set(field_names(dialect)) <= set(PROVIDERS_NAMES)
