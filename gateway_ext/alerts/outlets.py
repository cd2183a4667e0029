"""Which outlet serves which kind of channel. Apart, because it needs the libraries of the extra `control`."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from gateway_ext.alerts.delivery import Outlet
from gateway_ext.alerts.email import EmailOutlet
from gateway_ext.alerts.rules import Channel, Email, Webhook
from gateway_ext.alerts.webhook import WebhookOutlet


def outlet(channel: Channel, secrets: Path) -> Outlet:
    """`secrets` holds NAME.key of each webhook, NAME.login of each mail server. They are read when something is sent."""
    match channel:
        case Webhook(name=name):
            return WebhookOutlet(channel, secrets / f"{name}.key")
        case Email(name=name):
            return EmailOutlet(channel, secrets / f"{name}.login")
    assert_never(channel)
