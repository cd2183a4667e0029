"""One immutable reading of policies/. An exchange is judged by one snapshot from its first byte to its last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway_ext.alerts.rules import AlertRules
from gateway_ext.audit.rules import AuditRules
from gateway_ext.budget.rules import BudgetRules
from gateway_ext.consent.rules import ConsentRules
from gateway_ext.credentials.rules import CredentialRules
from gateway_ext.guard.policy import GuardPolicy
from gateway_ext.identity.rules import IdentityRules
from gateway_ext.routing.rules import RoutingRules


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`digest` is the SHA-256, in hexadecimal, over the names and bytes of all policy files; it is in every record."""

    digest: str
    identity: IdentityRules
    budget: BudgetRules
    guard: GuardPolicy
    routing: RoutingRules
    credentials: CredentialRules = field(default_factory=CredentialRules)
    consent: ConsentRules = field(default_factory=ConsentRules)
    alerts: AlertRules = field(default_factory=AlertRules)
    audit: AuditRules = field(default_factory=AuditRules)
    files: Mapping[str, str] = field(default_factory=dict)  # the SHA-256 of each file, in hexadecimal, by name
