"""Which outlet serves which kind of channel. Each is imported with the first alert for it: their libraries take a while."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from gateway_ext.alerts.delivery import Outlet
from gateway_ext.alerts.rules import Channel, Email, Webhook


def outlet(channel: Channel, secrets: Path) -> Outlet:
    """`secrets` holds NAME.key of each webhook, NAME.login of each mail server. They are read when something is sent."""
    match channel:
        case Webhook(name=name):
            from gateway_ext.alerts.webhook import WebhookOutlet  # noqa: PLC0415

            return WebhookOutlet(channel, secrets / f"{name}.key")
        case Email(name=name):
            from gateway_ext.alerts.email import EmailOutlet  # noqa: PLC0415

            return EmailOutlet(channel, secrets / f"{name}.login")
    assert_never(channel)
