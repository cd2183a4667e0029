"""What policy says about findings: an action per detector, and which findings demand a sovereign route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    LOG = "log"
    REDACT = "redact"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class DetectorRule:
    action: Action
    sovereign: bool = False
    is_enabled: bool = True


@dataclass(frozen=True, slots=True)
class GuardRules:
    """`detectors` is keyed by detector name; `classes` (personal, secret) is what applies to those not named."""

    classes: Mapping[str, DetectorRule]
    detectors: Mapping[str, DetectorRule]
    deadline_seconds: float
    denies_on_timeout: bool = True
    denies_token_ids: bool = True

    def rule(self, detector: str, data_class: str) -> DetectorRule:
        """The rule for a detector; a class without a rule blocks, because silence must not let anything pass."""
        return self.detectors.get(detector) or self.classes.get(data_class) or DetectorRule(Action.BLOCK)
