"""What somebody asks the audit trail: the same question to the index, to an entry of it, and to a single record. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway_ext.audit.encoding import Event
from gateway_ext.audit.index.entry import Entry, Field, entry_of, is_entry
from gateway_ext.limits import NANO

TIME_UNIX_NANO_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Filter:
    """Holds where all of it holds. `where`: any of a field's values. From `since` until before `until`; costs inclusive.

    A cost is compared in billionths of its own currency's unit: name the currency, too, where there are several. What has
    no outcome has no cost.
    """

    where: Mapping[Field, frozenset[str]] = field(default_factory=dict)
    since_unix_nano: int = 0
    until_unix_nano: int = TIME_UNIX_NANO_MAX
    cost_nano_min: int | None = None
    cost_nano_max: int | None = None

    def admits(self, entry: Entry) -> bool:
        """Whether an exchange, as all of its records tell it, or an administrative act is one of those asked for."""
        return (
            self._admits_time(entry.time_unix_nano)
            and self._admits_cost(entry.cost_nano)
            and all(not values.isdisjoint(entry.values(kind)) for kind, values in self.where.items())
        )

    def matches(self, event: Event) -> bool:
        """Whether a record by itself is one of those asked for: what another record of its exchange says is not known.

        So a filter by subject matches decisions, one by cost outcomes, and one by both no record at all; to have all records of
        exchanges, ask the index for their ids first and then for `Field.EXCHANGE`.
        """
        if not self._admits_time(event.time_unix_nano):
            return False
        if not self.where and self._admits_cost(None):
            return is_entry(event)
        entry = entry_of(event)
        return entry is not None and self.admits(entry)

    def asks(self) -> str:
        """The question in words, for the audit trail."""
        parts = [f"{kind}={'|'.join(sorted(values))}" for kind, values in sorted(self.where.items())]
        if self.since_unix_nano:
            parts.append(f"since={_moment(self.since_unix_nano)}")
        if self.until_unix_nano != TIME_UNIX_NANO_MAX:
            parts.append(f"until={_moment(self.until_unix_nano)}")
        if self.cost_nano_min is not None:
            parts.append(f"cost_nano_min={self.cost_nano_min}")
        if self.cost_nano_max is not None:
            parts.append(f"cost_nano_max={self.cost_nano_max}")
        return " ".join(parts) or "everything"

    def _admits_time(self, unix_nano: int) -> bool:
        return self.since_unix_nano <= unix_nano < self.until_unix_nano

    def _admits_cost(self, cost_nano: int | None) -> bool:
        if self.cost_nano_min is None and self.cost_nano_max is None:
            return True
        return (
            cost_nano is not None
            and (self.cost_nano_min is None or cost_nano >= self.cost_nano_min)
            and (self.cost_nano_max is None or cost_nano <= self.cost_nano_max)
        )


def _moment(unix_nano: int) -> str:
    return datetime.fromtimestamp(unix_nano // NANO, UTC).isoformat()
