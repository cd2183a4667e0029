"""How much is leased, and how long. Pure.

A lease is a hold like any other in the ledger of record, over the same accounts as the requests that are granted from it. So
the ledger's own debit keeps every account within its limit, whoever holds a lease and whatever becomes of him.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway_ext.budget.rules import AccountLine, Payer, Reservation
from gateway_ext.budget.settle import AMOUNT_NANO_MAX
from gateway_ext.exchange import Estimate
from gateway_ext.limits import NANO

LEASE_PREFIX = "lease-"  # of the ids of leases: they are nobody's requests


@dataclass(frozen=True, slots=True)
class LeaseRules:
    """`first_requests` is the size of a first slice in requests; it doubles with each one that is used up within a second.

    No slice is above the `share`-th part of the smallest limit, or of what a refusal says is left. A combination of
    accounts that was asked for less than `warm_requests` times within `idle_seconds` gets none: most people ask seldom.
    A lease is used no more `margin_seconds` before its end, which covers clocks that differ and statements on their way.
    """

    ttl_seconds: int = 60
    margin_seconds: int = 15
    idle_seconds: int = 3
    pause_seconds: int = 2  # after a refusal
    warm_requests: int = 1
    first_requests: int = 8
    ahead_part: int = (
        4  # with less than this part left the next slice is asked for, while requests go on; 0: never ahead
    )
    share: int = 64


@dataclass(slots=True)
class Lease:
    """`left_nano` is what may still be granted from it, `accounts` are the keys of those that it holds money on."""

    id: str
    accounts: frozenset[str]
    left_nano: int
    usable_until_unix_nano: int
    used_unix_nano: int
    expires_unix_nano: int = 0
    slice_name: str = ""  # of all leases for the same combination of accounts


@dataclass(frozen=True, slots=True)
class Draw:
    """A request that was granted from a lease, to be made a hold of its own in the ledger of record."""

    lease_id: str
    reservation: Reservation


@dataclass(slots=True)
class Demand:
    """How much one combination of accounts is asked for. `slice_nano` is the size of its last slice, 0: none yet."""

    requests: int = 0
    asked_unix_nano: int = 0
    slice_nano: int = 0
    sliced_unix_nano: int = 0
    paused_until_unix_nano: int = 0
    most_nano: int = AMOUNT_NANO_MAX

    def note(self, now_unix_nano: int, rules: LeaseRules) -> None:
        """Count a request."""
        if now_unix_nano - self.asked_unix_nano > rules.idle_seconds * NANO:
            self.requests = self.slice_nano = 0
        self.requests += 1
        self.asked_unix_nano = now_unix_nano

    def is_over(self, idle_since_unix_nano: int, now_unix_nano: int) -> bool:
        """Whether nothing is worth remembering."""
        return self.asked_unix_nano < idle_since_unix_nano and self.paused_until_unix_nano <= now_unix_nano

    def wanted_nano(self, reservation: Reservation, now_unix_nano: int, rules: LeaseRules) -> int:
        """The size of the next slice, which serves this request and at least one more of its kind; 0: reserve exactly."""
        amount_nano = reservation.amount_nano
        if self.requests <= rules.warm_requests or now_unix_nano < self.paused_until_unix_nano:
            return 0
        is_hungry = self.slice_nano > 0 and now_unix_nano - self.sliced_unix_nano < NANO
        wanted_nano = max(self.slice_nano * (2 if is_hungry else 1), amount_nano * rules.first_requests)
        if any(_ends_within(line, rules.ttl_seconds) for line in reservation.lines):
            return 0
        wanted_nano = min(wanted_nano, self.most_nano, _smallest_limit_nano(reservation) // rules.share)
        return wanted_nano if amount_nano and wanted_nano >= 2 * amount_nano else 0

    def granted(self, slice_nano: int, now_unix_nano: int) -> None:
        """The ledger had room for a slice."""
        self.slice_nano, self.sliced_unix_nano, self.most_nano = slice_nano, now_unix_nano, AMOUNT_NANO_MAX

    def refused(self, room_nano: int | None, now_unix_nano: int, rules: LeaseRules) -> None:
        """It had not, or not without exceeding a soft budget: exactly for a while, then no more than a share of what is left."""
        self.slice_nano = 0
        self.most_nano = AMOUNT_NANO_MAX if room_nano is None else room_nano // rules.share
        self.paused_until_unix_nano = now_unix_nano + rules.pause_seconds * NANO


def lease_of(
    reservation: Reservation, new_id: str, amount_nano: int, now_unix_nano: int, rules: LeaseRules
) -> Reservation:
    """The hold of a slice over the same accounts as `reservation`, for nobody's request."""
    return replace(
        reservation,
        id=f"{LEASE_PREFIX}{new_id}",
        amount_nano=amount_nano,
        estimate=Estimate(0, 0),
        payer=Payer(""),
        model="",
        expires_unix_nano=now_unix_nano + rules.ttl_seconds * NANO,
    )


def key_of(reservation: Reservation) -> tuple[object, ...]:
    """What requests must have in common to be granted from one lease.

    Limits are part of it, so that a changed one counts at once; so are the periods, by the accounts' keys.
    """
    return (
        reservation.currency,
        *((line.key, line.limit_nano, line.is_hard, line.carries_max_nano) for line in reservation.lines),
    )


def _ends_within(line: AccountLine, seconds: int) -> bool:
    """Whether the period is about to hand over what it has left, and leases would count as spent."""
    return bool(line.carries_max_nano) and line.resets_in_seconds is not None and line.resets_in_seconds <= seconds


def _smallest_limit_nano(reservation: Reservation) -> int:
    return min((line.limit_nano for line in reservation.lines), default=0)
