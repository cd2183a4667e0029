from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.budget.charge import estimated, settlement
from gateway_ext.budget.rules import Settlement
from gateway_ext.exchange import Estimate, Outcome, Usage

BOUNDS = Estimate(input_tokens=1000, output_tokens=100)


def outcome(**changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "exchange_id": "e",
        "hold_id": "e",
        "http_status": 200,
        "cluster": "fr/large",
        "usage": None,
        "request_bytes": 300,
        "response_bytes": 30,
        "attempts": 1,
        "duration_ns": 1,
        "time_to_first_byte_ns": 1,
        "saw_end_of_stream": True,
        "settled_by": "access_log",
    }
    return Outcome(**(values | changes))


def settled(usage: Usage | None, *flags: str) -> Settlement:
    return Settlement("e", usage, "fr/large" if usage else "", "access_log", flags)


def test_reported_usage_is_charged_as_reported() -> None:
    assert settlement(outcome(usage=Usage(5, 7)), BOUNDS) == settled(Usage(5, 7))


@pytest.mark.parametrize("status", [400, 429, 500, 503])
@pytest.mark.parametrize("usage", [None, Usage(0, 0), Usage(5, 7, is_estimated=True)])
def test_errors_cost_nothing(status: int, usage: Usage | None) -> None:
    assert settlement(outcome(http_status=status, usage=usage), BOUNDS) == settled(None, "upstream_error")


@pytest.mark.parametrize(("status", "usage"), [(400, Usage(5, 0)), (500, Usage(5, 7))])
def test_an_error_that_the_provider_bills_is_charged_and_says_so(status: int, usage: Usage) -> None:
    charged = settlement(outcome(http_status=status, usage=usage, flags=("retries_exhausted",)), BOUNDS)
    assert charged == settled(usage, "retries_exhausted", "error_billed")


@pytest.mark.parametrize("flag", ["answer_blocked", "answer_uninspected"])
def test_answers_that_we_withheld_are_charged(flag: str) -> None:
    withheld = outcome(http_status=403, usage=Usage(5, 7), flags=(flag,))
    assert settlement(withheld, BOUNDS) == settled(Usage(5, 7), flag)
    unknown = outcome(http_status=502, flags=(flag,))
    assert settlement(unknown, BOUNDS) == settled(Usage(1000, 100, is_estimated=True), flag, "usage_estimated")


def test_a_stream_that_we_cut_is_charged_by_what_went_over_the_wire() -> None:
    cut = outcome(flags=("answer_blocked",))
    assert settlement(cut, BOUNDS) == settled(Usage(100, 10, is_estimated=True), "answer_blocked", "usage_estimated")


def test_what_reached_no_upstream_costs_nothing() -> None:
    assert settlement(outcome(cluster="", http_status=0), BOUNDS) == settled(None, "no_upstream")


def test_missing_usage_is_estimated_and_flagged() -> None:
    assert settlement(outcome(), BOUNDS) == settled(Usage(100, 10, is_estimated=True), "usage_estimated")


def test_an_aborted_request_is_charged_although_nothing_came_back() -> None:
    aborted = outcome(http_status=0, response_bytes=0, flags=("client_aborted",))
    assert settlement(aborted, BOUNDS) == settled(Usage(100, 0, is_estimated=True), "client_aborted", "usage_estimated")


def test_the_output_of_a_stream_that_was_cut_is_what_was_counted_on_its_way() -> None:
    left = outcome(response_bytes=3_000, output_tokens_seen=7, flags=("client_aborted",))
    usage = Usage(100, 7, is_estimated=True)
    assert settlement(left, BOUNDS) == settled(usage, "client_aborted", "usage_estimated")


def test_the_input_of_a_stream_that_was_cut_is_what_its_start_said() -> None:
    started = Usage(900, 0, 600, is_estimated=True, cache_write_tokens=50)
    left = outcome(usage=started, output_tokens_seen=7, flags=("client_aborted",))
    usage = Usage(900, 7, 600, is_estimated=True, cache_write_tokens=50)
    assert settlement(left, BOUNDS) == settled(usage, "client_aborted", "usage_estimated")


def test_reported_usage_counts_whatever_was_seen() -> None:
    assert settlement(outcome(usage=Usage(5, 7), output_tokens_seen=90), BOUNDS) == settled(Usage(5, 7))


def test_how_long_it_took_is_part_of_what_was_used() -> None:
    assert settlement(outcome(usage=Usage(5, 7), served_ns=9), BOUNDS) == settled(Usage(5, 7, served_ns=9))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.none() | st.integers(0, 10**9))
def test_an_estimate_stays_within_what_was_reserved(
    request_bytes: int, response_bytes: int, seen_tokens: int | None
) -> None:
    ended = outcome(request_bytes=request_bytes, response_bytes=response_bytes, output_tokens_seen=seen_tokens)
    usage = estimated(ended, BOUNDS)
    assert 0 <= usage.input_tokens <= BOUNDS.input_tokens
    assert 0 <= usage.output_tokens <= BOUNDS.output_tokens
