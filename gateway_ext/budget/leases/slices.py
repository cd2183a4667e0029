"""Where what is left of leases is kept: in this process, or for all processors of a site together (budget/redis)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from gateway_ext.budget.leases.purses import Purse
from gateway_ext.budget.leases.rules import Draw, Lease
from gateway_ext.budget.settle import AMOUNT_NANO_MAX


class Slices(Protocol):
    @property
    def is_shared(self) -> bool:
        """Whether taking may wait."""
        ...

    @property
    def most_nano(self) -> int:
        """No slice may be larger."""
        ...

    async def take(self, purse: Purse, amount_nano: int, now_unix_nano: int) -> str | None:
        """The id of the lease that it was taken from; None when there is not enough left in one that may be used."""
        ...

    async def use(self, purse: Purse, lease: Lease) -> None:
        """Have requests take from it from now on."""
        ...

    async def written(self, draws: Sequence[Draw]) -> None:
        """What was taken is in the ledger of record."""
        ...

    async def close(self, leases: Collection[Lease], now_unix_nano: int) -> tuple[list[Lease], list[Lease]]:
        """Have nobody take from them any more. Those of which all that was taken is written, and those nobody can say it of."""
        ...

    async def disconnect(self) -> None: ...


class OwnSlices:
    """In memory: taking never waits, so that nothing comes between."""

    is_shared = False
    most_nano = AMOUNT_NANO_MAX

    async def take(self, purse: Purse, amount_nano: int, now_unix_nano: int) -> str | None:
        lease = purse.take(amount_nano, now_unix_nano)
        return None if lease is None else lease.id

    async def use(self, purse: Purse, lease: Lease) -> None: ...

    async def written(self, draws: Sequence[Draw]) -> None: ...

    async def close(self, leases: Collection[Lease], now_unix_nano: int) -> tuple[list[Lease], list[Lease]]:
        return list(leases), []  # whoever asks has written all that is pending here

    async def disconnect(self) -> None: ...
