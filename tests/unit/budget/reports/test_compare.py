from __future__ import annotations

from gateway_ext.budget.prices import Price
from gateway_ext.budget.reports.compare import SECONDS, Compared, compared, remarks
from gateway_ext.exchange import Usage
from tests.unit.budget.reports.charged import charged

PRICES = {"x/cheap": Price(1_000_000, 2_000_000, 0), "y/dear": Price(300_000, 20_000_000, 0, per_second_nano=7)}


def test_the_same_tokens_at_other_prices_request_by_request() -> None:
    requests = [
        charged(Usage(100, 10, 40), cost_nano=500),
        charged(Usage(1, 0, is_estimated=True), cost_nano=2),
        charged(None, cost_nano=9_000),  # nobody knows its tokens
        charged(Usage(5, 5), model="small", cost_nano=50),
        charged(Usage(5, 5), currency="USD"),
    ]
    found = compared(iter(requests), PRICES, "EUR")
    assert found.elsewhere == 1
    assert found.models == {
        # x/cheap: 60 + 20, and 1; y/dear: 18 + 200, and 0.3 rounded up as the ledger would
        "large": Compared(2, 1, 1, 101, 40, 10, 502, {"x/cheap": 81, "y/dear": 219}),
        "small": Compared(1, 0, 0, 5, 0, 5, 50, {"x/cheap": 15, "y/dear": 102}),
    }


def test_what_cannot_be_known_is_said() -> None:
    assert any("splits the same text differently" in each for each in remarks({"x/cheap": PRICES["x/cheap"]}))
    assert SECONDS not in remarks({"x/cheap": PRICES["x/cheap"]})
    assert SECONDS in remarks(PRICES)
