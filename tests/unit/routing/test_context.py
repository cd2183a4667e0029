from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.errors import ContextLengthExceeded
from gateway_ext.exchange import Candidate
from gateway_ext.routing.context import Fit, Size, excess_tokens, fit

OWN = Candidate("o/m", "o", "m", "FR", "open-eu")  # the model's window
SMALL = Candidate("s/m", "s", "m", "FR", "open-eu", context_tokens=8_000)
LARGE = Candidate("l/m", "l", "m", "FR", "open-eu", context_tokens=100_000)


def test_all_that_hold_it_in_their_order() -> None:
    assert fit((SMALL, OWN, LARGE), 32_000, Size(100, 200, 4_000, 256)) == Fit((SMALL, OWN, LARGE), 4_000)


def test_too_long_for_one_goes_to_those_with_a_larger_window() -> None:
    assert fit((SMALL, OWN, LARGE), 32_000, Size(7_000, 7_500, 4_000, 256)) == Fit((OWN, LARGE), 4_000)
    assert fit((SMALL, OWN, LARGE), 32_000, Size(90_000, 90_500, 4_000, 256)) == Fit((LARGE,), 4_000)


def test_who_named_no_limit_gets_what_the_largest_window_leaves() -> None:
    assert fit((SMALL, LARGE), 32_000, Size(97_000, 98_000, 4_000, 256)) == Fit((LARGE,), 2_000)
    assert fit((SMALL, LARGE), 32_000, Size(97_000, 99_990, 4_000, 256)) == Fit((LARGE,), 256)


def test_only_what_certainly_does_not_fit_is_refused() -> None:
    assert fit((SMALL,), 32_000, Size(6_000, 9_000, 2_000, 2_000)) == Fit((SMALL,), 2_000)
    with pytest.raises(ContextLengthExceeded, match=r"8000 tokens.*8001 tokens \(6001 in") as caught:
        fit((SMALL,), 32_000, Size(6_001, 9_000, 2_000, 2_000))
    assert (caught.value.code, caught.value.http_status) == ("context_length_exceeded", 400)


def test_the_refusal_tells_the_largest_window() -> None:
    with pytest.raises(ContextLengthExceeded, match="100000"):
        fit((LARGE, SMALL), 32_000, Size(100_000, 100_000, 10, 10))


def test_what_must_go_for_the_rest_to_fit_surely() -> None:
    assert excess_tokens((SMALL, LARGE), 32_000, Size(90_000, 99_000, 4_000, 256)) == 0
    assert excess_tokens((SMALL, LARGE), 32_000, Size(90_000, 100_000, 4_000, 256)) == 256
    assert excess_tokens((OWN,), 32_000, Size(90_000, 100_000, 4_000, 4_000)) == 72_000


WINDOWS = st.lists(st.integers(1, 50), min_size=1, max_size=4)


@given(WINDOWS, st.integers(0, 60), st.integers(0, 20), st.integers(1, 30), st.integers(1, 30))
def test_a_fit_holds_what_is_certain_and_is_refused_only_when_nothing_does(
    windows: list[int], input_tokens: int, unsure: int, most: int, least: int
) -> None:
    deployments = [Candidate(f"{i}", "p", "m", "FR", "t", context_tokens=window) for i, window in enumerate(windows)]
    size = Size(input_tokens, input_tokens + unsure, max(most, least), min(most, least))
    try:
        found = fit(deployments, 1, size)
    except ContextLengthExceeded:
        assert input_tokens + size.output_tokens_least > max(windows)
        return
    assert found.deployments
    assert size.output_tokens_least <= found.output_tokens <= size.output_tokens
    assert all(input_tokens + found.output_tokens <= each.context_tokens for each in found.deployments)
    if not excess_tokens(deployments, 1, size):
        assert all(size.input_at_most + found.output_tokens <= each.context_tokens for each in found.deployments)
