"""Guessing passwords takes time."""

from __future__ import annotations

from gateway_ext.local.identity_provider.throttle import FAILURES_MAX, WAIT_SECONDS, Throttle


def failed(throttle: Throttle, name: str, times: int, now_seconds: float = 0.0) -> None:
    for _ in range(times):
        throttle.failed(name, now_seconds)


def test_five_wrong_ones_in_a_row_and_no_fewer() -> None:
    throttle = Throttle(frozenset({"ada"}))
    failed(throttle, "ada", FAILURES_MAX - 1)
    assert throttle.wait_seconds("ada", 0.0) == 0.0
    failed(throttle, "ada", 1)
    assert throttle.wait_seconds("ada", 0.0) == WAIT_SECONDS
    assert throttle.wait_seconds("ada", WAIT_SECONDS - 1) == 1.0
    assert throttle.wait_seconds("ada", WAIT_SECONDS) == 0.0


def test_after_a_wait_one_more_wrong_one_leads_to_the_next() -> None:
    throttle = Throttle(frozenset({"ada"}))
    failed(throttle, "ada", FAILURES_MAX)
    failed(throttle, "ada", 1, WAIT_SECONDS)
    assert throttle.wait_seconds("ada", WAIT_SECONDS) == WAIT_SECONDS


def test_the_right_one_ends_the_row() -> None:
    throttle = Throttle(frozenset({"ada"}))
    failed(throttle, "ada", FAILURES_MAX - 1)
    throttle.succeeded("ada")
    failed(throttle, "ada", FAILURES_MAX - 1)
    assert throttle.wait_seconds("ada", 0.0) == 0.0


def test_people_are_apart_and_names_nobody_has_are_one() -> None:
    throttle = Throttle(frozenset({"ada", "grace"}))
    failed(throttle, "ada", FAILURES_MAX)
    assert throttle.wait_seconds("grace", 0.0) == 0.0
    for index in range(FAILURES_MAX):
        throttle.failed(f"nobody-{index}", 0.0)
    assert throttle.wait_seconds("somebody-else", 0.0) == WAIT_SECONDS
