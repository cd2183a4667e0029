"""As mutants.py: processors with leases, with one thing broken, under the name of an invariant that it breaks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from gateway_ext.budget.leases import ledger as leases
from gateway_ext.budget.leases.purses import Purse, Purses
from gateway_ext.budget.leases.rules import Draw, Lease, LeaseRules, lease_of
from gateway_ext.budget.leases.write_behind import WriteBehind
from gateway_ext.budget.redis.slices import RedisSlices
from gateway_ext.budget.rules import Reservation, Settlement
from gateway_ext.exchange import Usage
from tests.simulator.mutants import Mutation, function, statement

_purse_for = Purses.purse_for


def forgotten(self: WriteBehind, draw: Draw) -> None:
    """Never written."""


def never_less(self: Purse, amount_nano: int, now_unix_nano: int) -> Lease | None:
    return self.lease


def of_half_the_amount(
    reservation: Reservation, new_id: str, amount_nano: int, now_unix_nano: int, rules: LeaseRules
) -> Reservation:
    return lease_of(reservation, new_id, amount_nano // 2, now_unix_nano, rules)


async def whatever_others_took(
    self: RedisSlices, leases: Collection[Lease], now_unix_nano: int
) -> tuple[list[Lease], list[Lease]]:
    return list(leases), []


def quotas_or_not(self: Purses, reservation: Reservation) -> Purse | None:
    return _purse_for(self, replace(reservation, quotas=()))


def kept(self: Purses, *_: object) -> bool:
    return False


def posted(hold_id: str, usage: Usage | None, cluster: str, settled_by: str) -> Settlement:
    return Settlement(hold_id, usage, "eu/model", settled_by)


LEASE_MUTANTS: list[tuple[str, Mutation]] = [
    ("lease sums", statement("DRAW", "amount_nano - ?1,", "amount_nano,")),
    ("lease sums", statement("DRAW", "WHEN 'expired' THEN ?1", "WHEN 'expired' THEN 0")),
    ("lease limit", statement("TAKE", "+ ?1 <= ?2", "<= ?2")),
    ("lease covered", function(WriteBehind, "add", forgotten)),
    ("lease covered", function(Purse, "take", never_less)),
    ("lease drawn", function(leases, "lease_of", of_half_the_amount)),
    ("lease drawn", function(RedisSlices, "close", whatever_others_took)),
    ("lease found", function(leases, "LATE_SECONDS", ())),
    ("lease quotas", function(Purses, "purse_for", quotas_or_not)),
    ("lease refusal", function(Purses, "retire_sharing", kept)),
    ("lease room", statement("TAKE", "<= ?2 +", "< ?2 +")),
    ("lease returned", function(Purses, "retire_idle", kept)),
    ("lease unspent", function(leases, "Settlement", posted)),
    ("lease end", statement("SELECT_EXPIRED", "state = 'held'", "state = 'held' AND id NOT LIKE 'lease-%'")),
]
