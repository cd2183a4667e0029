"""Logins in the audit trail."""

from __future__ import annotations

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.recording import record_durably
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.console.problems import Problem
from gateway_ext.errors import GatewayError, Refusal
from gateway_ext.settings import Settings


def reason_of(refusal: GatewayError) -> str:
    """A constant word for the audit trail."""
    return refusal.code if isinstance(refusal, Problem | Refusal) else "refused"


def record_login(settings: Settings, name: EventName, issuer: str, subject: str, session: str, reason: str) -> None:
    """Durably. `subject` and `session` are "" as long as there is none. Raises ConfigurationError."""
    by = Actor(subject, issuer)
    record = OrderRecord(name, "session", session, issuer, by.name, by.user, reason, actor_issuer=by.issuer)
    record_durably(settings, record)
