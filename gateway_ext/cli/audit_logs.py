"""The logs of a state directory, and the evidence in files that people hand to commands."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from gateway_ext.audit.proving import ProvableLog
from gateway_ext.audit.segments import process_directories
from gateway_ext.audit.signed_note import VerifierKey, parse_key
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import load_settings


def add_state_arguments(command: Any) -> None:
    """--settings and --state."""
    command.add_argument("--settings", type=Path, metavar="FILE", help="process settings (YAML)")
    command.add_argument("--state", type=Path, metavar="DIR", help="where the spool and its logs lie")


def log_names(options: argparse.Namespace) -> list[str]:
    """Of every log of the state directory. Raises ConfigurationError when there is none."""
    layout = load_settings(options.settings, state_dir=options.state).layout
    names = [directory.name for directory in process_directories(layout.trees)]
    if not names:
        raise ConfigurationError(f"{layout.trees}: there are no logs; give --state, or start the control process")
    return names


def log_of(options: argparse.Namespace, name: str) -> ProvableLog:
    """Raises ConfigurationError when there is no such log, or it cannot be used; OSError."""
    if name not in (names := log_names(options)):
        raise ConfigurationError(f"there is no log '{name}'; there are: {', '.join(names)}")
    layout = load_settings(options.settings, state_dir=options.state).layout
    return ProvableLog(layout.spool / name, layout.trees / name, layout.archive / name)


def signed_logs(options: argparse.Namespace) -> list[ProvableLog]:
    """Every log that can be used. Why one cannot is said on standard error. Raises ConfigurationError when there is none."""
    logs = []
    for name in log_names(options):
        try:
            logs.append(log_of(options, name))
        except ConfigurationError as error:
            print(f"gateway-ext: {error.diagnostics()}", file=sys.stderr)
    if not logs:
        raise ConfigurationError("no log can be used")
    return logs


def read_bytes(path: Path) -> bytes:
    """Raises ConfigurationError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from error


def read_keys(path: Path) -> list[VerifierKey]:
    """The public keys of a file, one a line. Raises ConfigurationError when there is none, or a line is no key."""
    try:
        keys = [parse_key(line) for line in read_bytes(path).decode("utf-8").splitlines() if line.strip()]
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    if not keys:
        raise ConfigurationError(f"{path}: holds no key; 'gateway-ext audit checkpoint LOG --key' prints them")
    return keys
