"""In every zone and at every moment, windows are whole: one begins exactly when the one before it ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.budget.windows import NANOSECONDS, window_ends_in_seconds, window_key

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
MOMENTS = st.integers(0, 4_000_000_000 * NANOSECONDS)  # until 2096


@given(zone=ZONES, now=MOMENTS)
def test_a_window_lasts_until_the_next_one_begins(zone: str, now: int) -> None:
    key, seconds = window_key("month", zone, now), window_ends_in_seconds("month", zone, now)
    ends = -(-now // NANOSECONDS) + seconds if now % NANOSECONDS == 0 else now // NANOSECONDS + seconds
    assert 1 <= seconds <= 32 * 86_400
    assert window_key("month", zone, ends * NANOSECONDS - 1) == key
    assert window_key("month", zone, ends * NANOSECONDS) > key


@given(zone=ZONES, now=MOMENTS, later=st.integers(0, 400 * 86_400 * NANOSECONDS))
def test_windows_never_go_back(zone: str, now: int, later: int) -> None:
    assert window_key("month", zone, now) <= window_key("month", zone, now + later)
