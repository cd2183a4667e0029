"""What is left of a quota, as callers are told: the ledger finds it, the pipeline and the dialects pass it on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a quota counts. `money` in nano-units, `concurrent` what is under way at a time."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    MONEY = "money"
    CONCURRENT = "concurrent"


@dataclass(frozen=True, slots=True)
class Quota:
    """`full_in_seconds`, rounded up, until all of it is there again; `full_unix_seconds` is that moment."""

    rule: str
    unit: Unit
    limit: int
    left: int
    full_in_seconds: int
    full_unix_seconds: int = 0
