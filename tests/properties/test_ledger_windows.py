"""In every zone and at every moment, windows are whole: one begins exactly when the one before it ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.budget.windows import NANOSECONDS, Calendar, Window, period

ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "Europe/Dublin",
        "America/Asuncion",
        "America/Havana",
        "America/Santiago",
        "Asia/Beirut",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Chatham",
    ]
)
CALENDARS = st.sampled_from([each for each in Calendar if each not in (Calendar.ROLLING, Calendar.TOTAL)])
WINDOWS = st.builds(Window, CALENDARS, ZONES, st.integers(1, 12))
MOMENTS = st.integers(0, 4_000_000_000 * NANOSECONDS)  # until 2096
LENGTHS = st.integers(60, 400 * 86_400)


@given(window=WINDOWS, now=MOMENTS)
def test_a_window_lasts_until_the_next_one_begins(window: Window, now: int) -> None:
    found = period(window, now)
    assert found.ends_in_seconds is not None
    ends = (now // NANOSECONDS + found.ends_in_seconds) * NANOSECONDS
    assert 1 <= found.ends_in_seconds <= 367 * 86_400
    assert period(window, ends - 1).key == found.key
    following = period(window, ends)
    assert following.key > found.key
    assert following.before == found.key


@given(window=WINDOWS, now=MOMENTS, later=st.integers(0, 400 * 86_400 * NANOSECONDS))
def test_windows_never_go_back(window: Window, now: int, later: int) -> None:
    assert period(window, now).key <= period(window, now + later).key


@given(length_seconds=LENGTHS, now=MOMENTS, ago_seconds=st.integers(0, 800 * 86_400))
def test_a_rolling_window_forgets_nothing_too_soon(length_seconds: int, now: int, ago_seconds: int) -> None:
    window = Window(Calendar.ROLLING, length_seconds=length_seconds)
    present, past = period(window, now), period(window, max(0, now - ago_seconds * NANOSECONDS))
    counts = past.key in (present.key, *present.others)
    if ago_seconds < length_seconds:
        assert counts
    bucket_seconds = -(-length_seconds // 24)
    if now >= ago_seconds * NANOSECONDS and ago_seconds >= 25 * bucket_seconds:
        assert not counts
