"""The leases that this process has: in use, by the combination of accounts they are for, and those to be given back."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from gateway_ext.budget.leases.rules import Demand, Lease, LeaseRules, key_of
from gateway_ext.budget.rules import Reservation
from gateway_ext.limits import NANO

PURSES_MAX = 1024  # what is asked of further combinations is reserved exactly


@dataclass(slots=True)
class Purse:
    """What one combination of accounts is granted from. Who holds `asking` may ask the ledger for its next lease."""

    name: str = ""
    demand: Demand = field(default_factory=Demand)
    lease: Lease | None = None
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_low(self, rules: LeaseRules) -> bool:
        """Whether it is time to ask for the next lease."""
        return (
            self.lease is not None
            and rules.ahead_part > 0
            and rules.ahead_part * self.lease.left_nano < self.demand.slice_nano
        )

    def take(self, amount_nano: int, now_unix_nano: int) -> Lease | None:
        """The lease that it was taken from; None when there is not enough left in one that may still be used."""
        lease = self.lease
        if lease is None or amount_nano > lease.left_nano or now_unix_nano >= lease.usable_until_unix_nano:
            return None
        lease.left_nano -= amount_nano
        lease.used_unix_nano = now_unix_nano
        return lease


class Purses:
    """Not safe to share between threads; nothing here waits."""

    def __init__(self, rules: LeaseRules) -> None:
        self._rules = rules
        self._by_key: dict[tuple[object, ...], Purse] = {}
        self._retired: dict[str, Lease] = {}

    def purse_for(self, reservation: Reservation) -> Purse | None:
        """None for what is reserved exactly: what costs nothing or has quotas, which the ledger counts."""
        if reservation.amount_nano <= 0 or not reservation.prices or reservation.quotas:
            return None
        key = key_of(reservation)
        purse = self._by_key.get(key)
        if purse is None and len(self._by_key) < PURSES_MAX:
            purse = self._by_key[key] = Purse(sha256(repr(key).encode()).hexdigest())
        return purse

    def use(self, purse: Purse, lease: Lease) -> None:
        """Grant from `lease` from now on; what is left of the one before is to be given back."""
        if purse.lease is not None:
            self.retire(purse.lease)
        purse.lease = lease

    def retire(self, lease: Lease) -> None:
        """Nothing is granted from it any more."""
        self._retired[lease.id] = lease

    @property
    def retired(self) -> Collection[Lease]:
        """Those to be given back, until `returned`."""
        return tuple(self._retired.values())

    def returned(self, leases: Collection[Lease]) -> None:
        """The ledger has closed them."""
        for lease in leases:
            self._retired.pop(lease.id, None)

    def retire_idle(self, now_unix_nano: int) -> None:
        """Those that nobody uses any more or that near their end, and purses that nobody asks for."""
        idle_since = now_unix_nano - self._rules.idle_seconds * NANO
        for key, purse in list(self._by_key.items()):
            lease = purse.lease
            if lease is not None and (
                lease.used_unix_nano < idle_since or now_unix_nano >= lease.usable_until_unix_nano
            ):
                self._retire_of(purse)
            is_wanted = purse.lease is not None or purse.asking.locked()
            if not is_wanted and purse.demand.is_over(idle_since, now_unix_nano):
                del self._by_key[key]

    def retire_sharing(self, reservation: Reservation, now_unix_nano: int) -> bool:
        """Those whose money the reservation is short of. Whether there are any, or some that are not yet given back."""
        wanted = {key for line in reservation.lines for key in (line.key, *line.others)}
        for purse in self._by_key.values():
            if purse.lease is not None and not wanted.isdisjoint(purse.lease.accounts):
                self._retire_of(purse)
                purse.demand.refused(None, now_unix_nano, self._rules)
        return any(not wanted.isdisjoint(lease.accounts) for lease in self._retired.values())

    def retire_all(self) -> None:
        for purse in self._by_key.values():
            self._retire_of(purse)

    def retire_these(self, lease_ids: Collection[str]) -> None:
        for purse in self._by_key.values():
            if purse.lease is not None and purse.lease.id in lease_ids:
                self._retire_of(purse)

    def left_nano(self) -> Mapping[str, int]:
        """What this process has leased and not granted, by account."""
        left: dict[str, int] = {}
        in_use = [purse.lease for purse in self._by_key.values() if purse.lease is not None]
        for lease in (*in_use, *self._retired.values()):
            for account in lease.accounts:
                left[account] = left.get(account, 0) + lease.left_nano
        return left

    def _retire_of(self, purse: Purse) -> None:
        if purse.lease is not None:
            self.retire(purse.lease)
            purse.lease = None
