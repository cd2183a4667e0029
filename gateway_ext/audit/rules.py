"""What policy says about the trail itself: how long records are kept, and by what they name people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

RETENTION_DAYS = 400
RETENTION_DAYS_FLOOR = 184  # six months: Regulation (EU) 2024/1689, Articles 19(1) and 26(6)


class Principals(StrEnum):
    """How records name people."""

    PLAIN = "plain"  # as tokens do
    PSEUDONYMOUS = "pseudonymous"  # by what the subjects store alone can lead back to them


class SourceAddresses(StrEnum):
    """How records say where a request came from."""

    KEEP = "keep"
    TRUNCATE = "truncate"  # to the network: /24 of IPv4, /48 of IPv6
    DROP = "drop"


class EventGroup(StrEnum):
    """Records that belong to no request, in groups that are kept equally long."""

    ADMINISTRATION = "administration"  # orders, logins, acceptances, what was done to the trail
    ALERTS = "alerts"  # of budgets
    REFUSALS = "refusals"  # by Envoy, before a processor knew of the request


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """Days that records are kept from when they were written."""

    days: int = RETENTION_DAYS
    by_data_class: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    by_event_group: Mapping[EventGroup, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def shortest_days(self) -> int:
        return min(self.days, *self.by_data_class.values(), *self.by_event_group.values(), self.days)

    def of_classes(self, data_classes: Iterable[str]) -> int:
        """The longest of the content's classes; `days` for a class of which nothing is said, and for no class."""
        return max((self.by_data_class.get(name, self.days) for name in data_classes), default=self.days)

    def of_group(self, group: EventGroup) -> int:
        return self.by_event_group.get(group, self.days)

    def of_unknown(self) -> int:
        """Of an exchange whose classes cannot be known any more: the longest of all."""
        return max(self.days, *self.by_data_class.values(), self.days)


@dataclass(frozen=True, slots=True)
class AuditRules:
    """audit.yaml."""

    retention: RetentionRules = field(default_factory=RetentionRules)
    principals: Principals = Principals.PLAIN
    source_addresses: SourceAddresses = SourceAddresses.KEEP
