"""What the tests of leases share."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from gateway_ext.budget.leases.ledger import LeasedLedger
from gateway_ext.budget.leases.rules import LeaseRules
from tests.unit.budget.reservations import FixedClock

# From the first request on, a slice of four, up to the whole limit; never given back for its age, nothing asked beside requests.
EAGER = LeaseRules(ttl_seconds=10**6, warm_requests=0, first_requests=4, ahead_part=0, share=1)

_numbers = itertools.count()


class LeaseClock(FixedClock):
    def new_id(self) -> str:
        return f"{next(_numbers):032x}"


def without_leases(accounts: Mapping[str, tuple[int, int]], leased: LeasedLedger) -> dict[str, tuple[int, int]]:
    """Balances as if what is leased and granted to nobody were not held."""
    unused = leased.leased_nano()
    return {key: (held - unused.get(key, 0), posted) for key, (held, posted) in accounts.items()}
