"""Whatever is asked, reports and exports add up to what the ledger charged."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.budget.prices import Price
from gateway_ext.budget.reports.focus import rows
from gateway_ext.budget.reports.focus_columns import COLUMNS
from gateway_ext.budget.reports.meters import charges
from gateway_ext.budget.reports.report import sections
from gateway_ext.budget.reports.usage import FIGURES, Dimension, Figures, Group, total
from gateway_ext.exchange import Usage
from tests.unit.budget.reports import focus_rules
from tests.unit.budget.reports.charged import charged

figures = st.builds(Figures, *[st.integers(0, 10**15)] * len(FIGURES))
names = st.sampled_from(["", "a", "b", "(others)", "a b"])
rates = st.integers(0, 10**12)
tokens = st.integers(0, 10**7)
usages = st.builds(Usage, tokens, tokens, tokens, st.booleans(), *[tokens] * 7, st.integers(0, 10**11))
prices = st.builds(
    Price,
    rates,
    rates,
    rates,
    rates,
    *[st.none() | rates] * 7,
    per_second_nano=rates,
    numerator=st.integers(1, 1_000),
    denominator=st.sampled_from([1, 3, 1_000]),
)


@st.composite
def groupings(draw: st.DrawFn) -> tuple[tuple[Dimension, ...], dict[Group, Figures], dict[Group, Figures]]:
    by = tuple(draw(st.lists(st.sampled_from(Dimension), unique=True, max_size=3)))
    groups = st.builds(Group, st.sampled_from(["EUR", "USD"]), st.tuples(*[names] * len(by)))
    return by, draw(st.dictionaries(groups, figures, max_size=12)), draw(st.dictionaries(groups, figures, max_size=12))


@given(groupings(), st.integers(0, 3))
def test_every_level_adds_up_to_the_total(
    grouping: tuple[tuple[Dimension, ...], dict[Group, Figures], dict[Group, Figures]], top: int
) -> None:
    by, now, before = grouping
    found = sections(by, now, before, top)
    assert total(section.total.figures for section in found) == total(now.values())
    for section in found:
        first = [line for line in section.lines if len(line.values) == 1]
        if by:
            assert total(line.figures for line in first) == section.total.figures
            assert sum(line.before_nano for line in first) == section.total.before_nano
        for line in section.lines:
            depth = len(line.values)
            below = [
                each for each in section.lines if each.values[:depth] == line.values and len(each.values) == depth + 1
            ]
            if depth < len(by) and not line.is_rest and below:
                assert total(each.figures for each in below if each.values[:-1] == line.values) == line.figures
        costs = [line.figures.cost_nano for line in first if not line.is_rest]
        assert costs == sorted(costs, reverse=True)
        assert not top or len(costs) <= top


@given(usages, prices)
def test_the_charges_of_a_request_are_its_cost(usage: Usage, price: Price) -> None:
    cost_nano = price.cost_nano(usage)
    found = charges(usage, price, cost_nano)
    assert sum(charge.billed_nano for charge in found) == cost_nano
    assert min(charge.billed_nano for charge in found) >= 0


@given(usages, prices)
def test_every_export_is_as_the_specification_says(usage: Usage, price: Price) -> None:
    request = charged(usage, price)
    found = list(rows(request, "Acme"))
    assert list(focus_rules.faults(list(COLUMNS), found)) == []
    assert sum(Decimal(row["BilledCost"] or 0) for row in found) == Decimal(request.cost_nano).scaleb(-9)
