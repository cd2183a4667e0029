"""What the commands that give orders have in common: stop, resume, revoke and people."""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway_ext.administration import orders
from gateway_ext.administration.actor import Actor
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings, load_settings
from gateway_ext.standing.directives import Target


def add_arguments(parser: argparse.ArgumentParser, *, shown: bool) -> None:
    """Who orders, why, and where the state lies. `shown`: whether callers are shown the reason."""
    seen = "; callers are shown it" if shown else ""
    parser.add_argument("--reason", required=True, metavar="TEXT", help=f"one line, for the audit trail{seen}")
    parser.add_argument("--actor", metavar="NAME", help="who orders it (default: the user of this machine)")
    add_state(parser)


def add_state(parser: argparse.ArgumentParser) -> None:
    """Where the state lies."""
    parser.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="state directory, instead of the settings'")


def settings_of(options: argparse.Namespace) -> Settings:
    """Raises ConfigurationError when there is no such state directory: an order there would reach nobody."""
    settings = load_settings(options.settings, state_dir=options.state)
    if not settings.state_dir.is_dir():
        raise ConfigurationError(f"{settings.state_dir}: there is no such state directory; give --state")
    return settings


def give(options: argparse.Namespace, target: Target, expires_unix_nano: int = 0) -> None:
    """Have it in force. Raises ConfigurationError; then nothing has changed."""
    orders.give(settings_of(options), target, _actor(options), options.reason, expires_unix_nano)


def undo(options: argparse.Namespace, target: Target) -> bool:
    """Have it no longer in force. Whether it was. Raises ConfigurationError; then nothing has changed."""
    return orders.undo(settings_of(options), target, _actor(options), options.reason)


def _actor(options: argparse.Namespace) -> Actor:
    return Actor(options.actor) if options.actor else Actor()
