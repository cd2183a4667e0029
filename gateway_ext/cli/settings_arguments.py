"""The options by which commands find the process settings, the state directory and the policy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings, load_settings


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """--settings, --state and --policies."""
    parser.add_argument("--settings", type=Path, help="YAML file of process settings")
    parser.add_argument("--state", type=Path, help="state directory (default .gateway)")
    parser.add_argument("--policies", type=Path, help="policy directory (default policies)")


def settings_of(options: argparse.Namespace, **overrides: Any) -> Settings:
    """The settings that the options name. Raises ConfigurationError."""
    return load_settings(options.settings, state_dir=options.state, policies_dir=options.policies, **overrides)


def settings_of_state(options: argparse.Namespace) -> Settings:
    """The same, for commands that make no state directory of their own: a mistyped one is an error."""
    settings = settings_of(options)
    if not settings.state_dir.is_dir():
        raise ConfigurationError(f"{settings.state_dir}: there is no such state directory; give --state")
    return settings
