"""Acts of people that are recorded and change no store of orders: looks at records, what is taken out, what the Guard is told."""

from __future__ import annotations

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.recording import record_durably
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.settings import Settings


def record_act(
    settings: Settings, name: EventName, scope: str, value: str, reason: str, by: Actor | None = None, issuer: str = ""
) -> None:
    """Have it on disk that `by` (None: the machine's user) does this now. Call it before anything is shown or done.

    `value` and `reason` are names and words of operators: nothing that a request brought. Raises ConfigurationError: then
    nothing may be shown or done.
    """
    by = by or Actor()
    record_durably(settings, OrderRecord(name, scope, value, issuer, by.name, by.user, reason, actor_issuer=by.issuer))
