"""How much is leased, and when nothing is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway_ext.budget.leases.rules import Demand, LeaseRules, key_of
from gateway_ext.budget.rules import AccountLine
from gateway_ext.limits import NANO
from tests.unit.budget.reservations import NOW, reservation

RULES = LeaseRules()
LINE = AccountLine("user", "per-user", 1_000_000)


def wanted(demand: Demand, amount_nano: int = 100, *lines: AccountLine, now: int = NOW) -> int:
    return demand.wanted_nano(reservation("h", amount_nano, *(lines or (LINE,))), now, RULES)


def warm(requests: int = 2) -> Demand:
    demand = Demand()
    for _ in range(requests):
        demand.note(NOW, RULES)
    return demand


def test_who_asks_once_gets_no_lease() -> None:
    assert wanted(warm(1)) == 0
    assert wanted(warm(2)) == 800


def test_who_asks_again_after_a_while_asks_for_the_first_time() -> None:
    demand = warm(5)
    demand.note(NOW + 4 * NANO, RULES)
    assert wanted(demand, now=NOW + 4 * NANO) == 0


def test_slices_double_while_they_are_used_up_within_a_second() -> None:
    demand, sizes = warm(), []
    for _ in range(6):
        sizes.append(wanted(demand))
        demand.granted(sizes[-1], NOW)
    assert sizes == [800, 1_600, 3_200, 6_400, 12_800, 15_625]  # a 64th of the limit
    assert wanted(demand, now=NOW + NANO) == 15_625
    calm = warm()
    calm.granted(800, NOW)
    assert wanted(calm, now=NOW + NANO) == 800


def test_no_slice_is_more_than_a_share_of_the_smallest_limit() -> None:
    small = AccountLine("team", "per-team", 64_000)
    assert wanted(warm(), 200, LINE, small) == 1_000
    assert wanted(warm(), 500, LINE, small) == 1_000
    assert wanted(warm(), 501, LINE, small) == 0  # not even two requests: reserve exactly
    soft = AccountLine("soft", "soft", 6_400, is_hard=False)
    assert wanted(warm(), 51, LINE, soft) == 0


def test_after_a_refusal_nothing_is_leased_for_a_while_and_then_no_more_than_a_share_of_what_is_left() -> None:
    demand = warm()
    demand.refused(64_000, NOW, RULES)
    assert wanted(demand, now=NOW + 2 * NANO - 1) == 0
    assert wanted(demand, 400, now=NOW + 2 * NANO) == 1_000
    assert wanted(demand, 501, now=NOW + 2 * NANO) == 0
    demand.granted(1_000, NOW + 2 * NANO)
    assert wanted(demand, 400, now=NOW + 2 * NANO) == 3_200


def test_without_a_known_room_the_limits_alone_bound_a_slice() -> None:
    demand = warm()
    demand.refused(None, NOW, RULES)
    assert wanted(demand, now=NOW + 2 * NANO) == 800


@pytest.mark.parametrize(("seconds", "carries", "slice_nano"), [(60, 1, 0), (61, 1, 800), (60, 0, 800), (None, 1, 800)])
def test_nothing_is_leased_where_a_period_is_about_to_hand_over_what_is_left(
    seconds: int | None, carries: int, slice_nano: int
) -> None:
    line = replace(LINE, resets_in_seconds=seconds, carries_max_nano=carries)
    assert wanted(warm(), 100, line) == slice_nano


def test_what_costs_nothing_is_not_leased() -> None:
    assert wanted(warm(), 0) == 0


def test_requests_share_a_lease_whoever_makes_them_as_long_as_accounts_and_limits_are_the_same() -> None:
    one = reservation("h1", 100, LINE)
    assert key_of(one) == key_of(reservation("h2", 7, replace(LINE, resets_in_seconds=5), prices={}))
    assert key_of(one) != key_of(reservation("h1", 100, replace(LINE, limit_nano=999_999)))
    assert key_of(one) != key_of(reservation("h1", 100, replace(LINE, key="user in the next period")))
    assert key_of(one) != key_of(replace(one, currency="USD"))
