import argparse

import pytest

from gateway_ext.cli.moments import shown, since
from gateway_ext.clock import SystemClock
from gateway_ext.limits import NANO


def test_ages_dates_and_times() -> None:
    assert since("2027-01-31") == 1_801_353_600 * NANO
    assert since("2027-01-31T01:00:00+01:00") == since("2027-01-31")
    week_nano = SystemClock().now_unix_nano() - since("1w")
    assert abs(week_nano - 7 * 86_400 * NANO) < 60 * NANO


@pytest.mark.parametrize("text", ["", "7", "7y", "soon", "2027-13-01"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="an age such as"):
        since(text)


def test_moments_are_shown_in_utc_to_the_millisecond() -> None:
    assert shown(1_801_353_600 * NANO + 120_999_999) == "2027-01-31 00:00:00.120Z"
