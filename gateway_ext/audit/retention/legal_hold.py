"""Legal holds: records that are kept beyond their time, because of somebody, something or some days they are about. Pure."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Keeps what matches all that is given; "" and 0: nothing is given. The range of time has both its ends in it."""

    name: str
    subject: str = ""  # as the trail has it
    team: str = ""
    exchange_id: str = ""
    from_unix_nano: int = 0
    until_unix_nano: int = 0
    actor: str = ""
    reason: str = ""
    since_unix_nano: int = 0

    def covers(self, unit: Unit) -> bool:
        """What cannot be known of the unit counts as a match."""
        is_meanwhile = (
            not self.until_unix_nano or unit.earliest_unix_nano <= self.until_unix_nano
        ) and unit.latest_unix_nano >= self.from_unix_nano
        return (
            is_meanwhile
            and (not self.exchange_id or self.exchange_id == unit.exchange_id)
            and (not self.subject or not unit.is_known or self.subject in unit.subjects)
            and (not self.team or not unit.is_known or self.team in unit.teams)
        )


@dataclass(frozen=True, slots=True)
class Unit:
    """Records that are kept equally long: all of an exchange, or one that belongs to none.

    `days`: how long after the latest of them; None: for ever. `is_known`: whether it is known whom they are about.
    """

    exchange_id: str
    earliest_unix_nano: int
    latest_unix_nano: int
    days: int | None
    subjects: Set[str]
    teams: Set[str]
    is_known: bool
