"""How many changes somebody may make in a minute."""

from __future__ import annotations

import pytest

from gateway_ext.console.problems import TooManyRequests
from gateway_ext.console.rate import ChangeRate

SECOND = 1_000_000_000


def test_it_is_for_each_person_and_for_any_minute() -> None:
    now = 0
    rate = ChangeRate(lambda: now, per_minute=3)
    for seconds in (0, 10, 20):
        now = seconds * SECOND
        rate.take("ada")
    now = 30 * SECOND
    rate.take("grace")
    with pytest.raises(TooManyRequests) as caught:
        rate.take("ada")
    assert dict(caught.value.headers) == {"Retry-After": "31"}
    now = 60 * SECOND
    rate.take("ada")
    with pytest.raises(TooManyRequests):
        rate.take("ada")


def test_many_people_are_forgotten_when_their_minute_is_over() -> None:
    now = 0
    rate = ChangeRate(lambda: now, per_minute=1)
    for number in range(10_000):
        rate.take(f"person-{number}")
    now = 61 * SECOND
    rate.take("one more")
    assert len(rate._taken) == 1
