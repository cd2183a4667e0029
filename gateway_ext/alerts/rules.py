"""What operators want to be told about budgets, and where: as policy says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

THRESHOLDS = (50, 80, 100)
TRAIL = "audit"  # the audit trail is told everything, whatever policy says


class Encryption(StrEnum):
    STARTTLS = "starttls"  # RFC 3207; a server that does not offer it gets no mail
    TLS = "tls"  # from the first byte (RFC 8314)


@dataclass(frozen=True, slots=True)
class BudgetAlerts:
    """`thresholds` are percent of the limit, ascending; `channels` are names of channels."""

    thresholds: tuple[int, ...] = THRESHOLDS
    forecast: bool = False
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Webhook:
    """HTTPS POST of JSON, signed. `ca_file` holds the trust anchors in PEM ("": the system's)."""

    name: str
    url: str
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Email:
    """SMTP submission (RFC 6409). Without `is_authenticated` the server is asked to relay for nobody in particular."""

    name: str
    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    encryption: Encryption = Encryption.STARTTLS
    is_authenticated: bool = True
    ca_file: str = ""


Channel = Webhook | Email


@dataclass(frozen=True, slots=True)
class AlertRules:
    """`budgets` by the budget's name; one that is missing is told of at the default thresholds, in the trail alone."""

    budgets: Mapping[str, BudgetAlerts] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()

    def of(self, budget: str) -> BudgetAlerts:
        return self.budgets.get(budget) or BudgetAlerts()
