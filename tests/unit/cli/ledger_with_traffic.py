"""A state directory with the reports' traffic in its ledger, and someone who tries to write to terminal and spreadsheet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from gateway_ext.budget.rules import Payer
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.exchange import Usage
from tests.unit.budget.reports.traffic import TRAFFIC, Asked, play
from tests.unit.budget.reservations import NOW, FixedClock

DAY = 86_400 * 10**9
HUNDREDTH = 10**7  # of a unit, in nano-units; and so many tokens cost it
MALLORY = Payer("=cmd|'\x1b[2J", team="\x1b]0;mine\x07")
EARLIER = Asked("old", TRAFFIC[0].payer, usage=Usage(20, 0), at=NOW - 20 * DAY)  # in October
HOSTILE = Asked("m1", MALLORY, usage=Usage(1, 1))


def fill(state_dir: Path) -> None:
    """NOW is 2023-11-14T22:13:20Z. Costs are those of TRAFFIC in hundredths of a unit instead of nano-units."""

    async def play_all() -> None:
        ledger = SqliteLedger(state_dir / "ledger.sqlite", FixedClock())
        await ledger.open()
        await play(
            ledger, tuple(_larger(each) for each in (*TRAFFIC, HOSTILE, EARLIER) if not each.id.startswith("lease"))
        )
        await ledger.close()

    asyncio.run(play_all())


def _larger(each: Asked) -> Asked:
    usage = each.usage
    if usage is not None:
        kinds = ("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens")
        usage = replace(usage, **{kind: getattr(usage, kind) * HUNDREDTH for kind in kinds})
    return replace(each, usage=usage, amount_nano=each.amount_nano * HUNDREDTH)
