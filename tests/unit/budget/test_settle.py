from __future__ import annotations

import pytest

from gateway_ext.budget.prices import Price
from gateway_ext.budget.settle import AMOUNT_NANO_MAX, EXPIRED, HELD, POSTED, VOID, Closing, Evidence, evidence, priced
from gateway_ext.exchange import Usage
from tests.unit.budget.reservations import PRICES

REPORTED = Usage(10, 5)
ESTIMATED = Usage(10, 5, is_estimated=True)


def test_evidence_grows_from_silence_to_the_provider_s_figures() -> None:
    order = [(HELD, None), (EXPIRED, None), (VOID, None), (POSTED, ESTIMATED), (POSTED, REPORTED)]
    assert [evidence(state, usage) for state, usage in order] == sorted(Evidence)
    assert evidence(POSTED, None) is evidence(VOID, None)


@pytest.mark.parametrize(
    ("closing", "cost", "usage", "flags"),
    [
        (Closing(VOID, None, "", "x", ("refused",)), 0, None, ("refused",)),
        (Closing(EXPIRED, None, "", "x", ()), 60, None, ("recovered", "usage_estimated")),
        (Closing(POSTED, REPORTED, "eu/model", "x", ("a",)), 15, REPORTED, ("a",)),
        (Closing(POSTED, ESTIMATED, "eu/model", "x", ("usage_estimated",)), 15, ESTIMATED, ("usage_estimated",)),
        (Closing(POSTED, REPORTED, "us/model", "x", ()), 150, REPORTED, ("over_hold",)),
        (Closing(POSTED, REPORTED, "", "x", ()), 150, REPORTED, ("cluster_unknown", "over_hold")),
        (Closing(POSTED, None, "", "x", ()), 60, None, ("cluster_unknown", "usage_estimated")),
        (Closing(POSTED, Usage(0, 0), "eu/model", "x", ()), 0, Usage(0, 0), ()),
    ],
)
def test_what_a_closing_costs(closing: Closing, cost: int, usage: Usage | None, flags: tuple[str, ...]) -> None:
    assert priced(closing, 60, PRICES) == (Closing(closing.state, usage, closing.cluster, "x", flags), cost)


def test_a_price_that_explodes_is_not_believed() -> None:
    closing = Closing(POSTED, Usage(10**12, 0), "eu/model", "x", ())
    final, cost = priced(closing, 60, {"eu/model": Price(AMOUNT_NANO_MAX, 0, 0)})
    assert (cost, final.flags) == (60, ("usage_implausible", "usage_estimated"))
