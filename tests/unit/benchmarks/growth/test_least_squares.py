from __future__ import annotations

import math
import statistics

import pytest

from benchmarks.growth.least_squares import fit


def test_a_line_is_found_without_doubt() -> None:
    line = fit([1, 2, 3, 4], [5, 7, 9, 11])
    assert (line.slope, line.intercept, line.slope_error) == pytest.approx((2, 3, 0))
    assert line.exceeds(1.99)
    assert not line.exceeds(2.01)


def test_the_error_is_that_of_the_textbook() -> None:
    # Residuals ±1 around y = x: 4 / (4 - 2) over a spread of 5.
    line = fit([0, 1, 2, 3], [1, 0, 1, 4])
    residuals = [1 - line.intercept, -line.intercept - line.slope, 1 - line.intercept - 2 * line.slope]
    residuals.append(4 - line.intercept - 3 * line.slope)
    assert line.slope == pytest.approx(1)
    assert line.slope_error == pytest.approx(math.sqrt(sum(each**2 for each in residuals) / 2 / 5))


def test_noise_is_no_slope() -> None:
    noisy = fit(range(6), [0, 3, -3, 3, -3, 4])
    assert noisy.slope > 0.2
    assert not noisy.exceeds(0.2)


def test_two_points_leave_no_doubt_and_one_is_no_line() -> None:
    assert fit([0, 1], [0, 5]).slope_error == 0
    with pytest.raises(statistics.StatisticsError):
        fit([1], [1])
    with pytest.raises(statistics.StatisticsError):
        fit([2, 2], [1, 3])
