"""Who comes first when a quota is short: classes of requests, their weights, how long they wait, what they may use at most."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway_ext.exchange import CredentialClass, Principal

WAIT_SECONDS_MAX = 2.5  # with the Guard and the ledger below STEP_DEADLINE_SECONDS and Envoy's message_timeout


class Priority(StrEnum):
    """In the order of urgency."""

    INTERACTIVE = "interactive"
    STANDARD = "standard"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class PriorityClass:
    """Of what there is for all that wait, a class gets its `weight`'s part. `share_percent` is what it may use of a quota."""

    priority: Priority = Priority.STANDARD
    weight: int = 1
    wait_seconds: float = 0.0
    share_percent: int = 100


@dataclass(frozen=True, slots=True)
class PriorityRule:
    """Whoever meets all conditions is of this class. Empty: any."""

    priority: Priority
    groups: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    credential_classes: frozenset[CredentialClass] = frozenset()

    def matches(self, principal: Principal) -> bool:
        return (
            (not self.groups or not self.groups.isdisjoint(principal.groups))
            and (not self.applications or principal.application in self.applications)
            and (not self.purposes or principal.purpose in self.purposes)
            and (not self.credential_classes or principal.credential_class in self.credential_classes)
        )


@dataclass(frozen=True, slots=True)
class PriorityRules:
    """The first rule that matches counts; without one a request is standard."""

    classes: tuple[PriorityClass, ...] = ()
    rules: tuple[PriorityRule, ...] = ()

    def of(self, principal: Principal) -> PriorityClass:
        """The class of a caller's requests."""
        priority = next((rule.priority for rule in self.rules if rule.matches(principal)), Priority.STANDARD)
        return next((each for each in self.classes if each.priority is priority), PriorityClass(priority))
