"""Traffic whose figures can be added up by hand: 1 nano-unit a token at `eu/model`, 10 at `us/model`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gateway_ext.budget.rules import AccountLine, Payer, Reservation
from gateway_ext.exchange import Usage
from gateway_ext.ports import Ledger
from tests.unit.budget.reservations import NOW, reservation

HOUR = 3_600 * 10**9
ADA = Payer("ada@example.com", "engines", "works", "p1", "app", "prod", "4711", "c1", "run-1")
BOB = Payer("bob@example.com", "engines", "works", "p2", "app", "test", "4712", "c2")
EVE = Payer("eve@example.com")
ROOM = AccountLine("everybody", "all", 10**15)


@dataclass(frozen=True)
class Asked:
    """A request: who, when, and how it ended. `usage` without a cluster: voided; a cluster without usage: in full."""

    id: str
    payer: Payer
    model: str = "large"
    cluster: str = "eu/model"
    usage: Usage | None = None
    at: int = NOW
    amount_nano: int = 500
    end: str = "post"  # post, void, expire, open


TRAFFIC = (
    Asked("a1", ADA, usage=Usage(100, 20, 40)),  # 60 fresh + 0 for 40 cached + 20
    Asked("a2", ADA, model="small", cluster="us/model", usage=Usage(10, 5, is_estimated=True)),  # 150
    Asked("b1", BOB, usage=Usage(7, 3, reasoning_tokens=2, served_ns=5)),  # 10
    Asked("b2", BOB, end="void"),
    Asked("b3", BOB, amount_nano=300),  # nobody told the figures: 300
    Asked("e1", EVE, amount_nano=90, end="expire"),
    Asked("e2", EVE, amount_nano=80, end="open"),
    Asked("lease-1", EVE, amount_nano=7, end="expire"),  # nobody's requests
    Asked("lease-2", EVE, amount_nano=8, end="void"),
    Asked("lease-3", EVE, amount_nano=9, end="open"),
    Asked("late", ADA, usage=Usage(1, 0), at=NOW + HOUR),  # in another period
)


async def play(ledger: Ledger, traffic: tuple[Asked, ...] = TRAFFIC) -> None:
    """Have it all in the ledger, as the gateway would."""
    for each in traffic:
        await ledger.reserve(_reservation(each))
        if each.end == "post":
            await ledger.post(each.id, each.usage, each.cluster, "test")
        elif each.end == "void":
            await ledger.void(each.id, "test", ("no_upstream",))
    await ledger.expire(NOW + HOUR)


def _reservation(each: Asked) -> Reservation:
    ends = each.at + (HOUR if each.end == "expire" else 100 * HOUR)
    plain = reservation(each.id, each.amount_nano, ROOM, expires_unix_nano=ends)
    return replace(plain, payer=each.payer, model=each.model, created_unix_nano=each.at)
