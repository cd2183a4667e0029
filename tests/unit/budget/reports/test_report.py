from __future__ import annotations

from gateway_ext.budget.reports.report import OTHERS, Line, sections, share_millionths
from gateway_ext.budget.reports.usage import Dimension, Figures, Group

BY = (Dimension.TEAM, Dimension.MODEL)


def of(cost_nano: int, requests: int = 1) -> Figures:
    return Figures(requests, cost_nano=cost_nano)


NOW = {
    Group("EUR", ("a", "small")): of(10),
    Group("EUR", ("a", "large")): of(30, 2),
    Group("EUR", ("b", "large")): of(50),
    Group("EUR", ("c", "large")): of(5),
    Group("USD", ("a", "large")): of(7),
}
BEFORE = {Group("EUR", ("a", "small")): of(4), Group("EUR", ("gone", "large")): of(9)}


def test_dearest_first_each_subtotal_before_what_it_consists_of() -> None:
    euros, dollars = sections(BY, NOW, BEFORE, 0)
    assert [(line.values, line.figures.cost_nano, line.before_nano) for line in euros.lines] == [
        (("b",), 50, 0),
        (("b", "large"), 50, 0),
        (("a",), 40, 4),
        (("a", "large"), 30, 0),
        (("a", "small"), 10, 4),
        (("c",), 5, 0),
        (("c", "large"), 5, 0),
        (("gone",), 0, 9),
        (("gone", "large"), 0, 9),
    ]
    assert euros.total == Line((), of(95, 5), 13)
    assert (dollars.currency, dollars.total.figures) == ("USD", of(7))


def test_the_dearest_and_the_others_are_the_total() -> None:
    euros, _ = sections(BY, NOW, BEFORE, 1)
    assert [(line.values, line.figures.cost_nano, line.names) for line in euros.lines] == [
        (("b",), 50, 1),
        (("b", "large"), 50, 1),
        ((OTHERS,), 45, 3),
    ]
    assert [line.is_rest for line in euros.lines] == [False, False, True]
    assert euros.total.figures == of(95, 5)


def test_without_dimensions_there_is_the_total() -> None:
    (section,) = sections((), {Group("EUR"): of(3)}, {}, 0)
    assert (section.lines, section.total.figures) == ((), of(3))
    assert sections(BY, {}, {}, 0) == []


def test_averages_and_shares_are_integers() -> None:
    assert Figures(3, cost_nano=10).average_nano == 4  # rounded up
    assert Figures(free_requests=3).average_nano == 0
    assert share_millionths(1, 3) == 333_333
    assert share_millionths(2, 3) == 666_667
    assert share_millionths(0, 0) == 0
