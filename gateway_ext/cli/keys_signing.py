"""`gateway-ext keys signing`: the keys that sign credentials."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

from gateway_ext.administration.actor import Actor
from gateway_ext.administration.credentials import replace_signing_keys, rotate_signing_key, signing_keys
from gateway_ext.cli.settings_arguments import add_settings_arguments, settings_of_state
from gateway_ext.cli.table import table
from gateway_ext.clock import SystemClock
from gateway_ext.credentials.credential import ISSUERS
from gateway_ext.credentials.key_set import KeySet
from gateway_ext.credentials.rules import DAY_SECONDS
from gateway_ext.limits import NANO

COLUMNS = ("ISSUER", "KEY", "STATE", "SIGNS FROM", "PUBLISHED UNTIL")
NAMES = tuple(issuer.name for issuer in ISSUERS.values())
LEAD_SECONDS = 60
LEAD_SECONDS_MAX = 7 * DAY_SECONDS


def add_commands(signing: argparse.ArgumentParser) -> None:
    """Describe `rotate` and `list`."""
    commands = signing.add_subparsers(title="commands", metavar="COMMAND", required=True)
    rotate = commands.add_parser(
        "rotate",
        help="publish a new key, which then takes over",
        description="Publishes a new key now and signs with it after the lead. What older keys have signed stays valid.",
    )
    rotate.add_argument("issuer", choices=NAMES)
    how = rotate.add_mutually_exclusive_group()
    how.add_argument(
        "--lead",
        type=_seconds,
        default=LEAD_SECONDS,
        metavar="SECONDS",
        help="how long every Envoy has to learn the new key (default: %(default)s)",
    )
    how.add_argument(
        "--compromised",
        action="store_true",
        help="withdraw all other keys at once: all credentials of this issuer are refused",
    )
    rotate.set_defaults(run=run_rotate)
    listing = commands.add_parser("list", help="list the published keys")
    listing.set_defaults(run=run_list)
    for each in (rotate, listing):
        add_settings_arguments(each)
        each.add_argument("--json", action="store_true", help="print JSON")


def run_rotate(options: argparse.Namespace) -> int:
    """Rotate and print the keys. Raises ConfigurationError; nothing has changed then."""
    settings = settings_of_state(options)
    if options.compromised:
        keys = replace_signing_keys(settings, Actor(), options.issuer)
    else:
        keys = rotate_signing_key(settings, Actor(), options.issuer, options.lead)
    _print([keys], _now_unix(), as_json=options.json)
    return 0


def run_list(options: argparse.Namespace) -> int:
    """Print the keys of both issuers. Raises ConfigurationError."""
    keys, now_unix = signing_keys(settings_of_state(options)), _now_unix()
    _print([keys.key_set(name, now_unix) for name in NAMES], now_unix, as_json=options.json)
    return 0


def _print(sets: list[KeySet], now_unix: int, *, as_json: bool) -> None:
    rows = [
        (keys.name, key.id, str(keys.state(key, now_unix)), _time(key.signs_from_unix), _time(key.published_until_unix))
        for keys in sets
        for key in keys.keys
    ]
    if as_json:
        names = [column.lower().replace(" ", "_") for column in COLUMNS]
        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2))
    else:
        print(table(COLUMNS, ([cell or "-" for cell in row] for row in rows)))


def _time(unix: int | None) -> str | None:
    return None if unix is None else datetime.fromtimestamp(unix, UTC).isoformat()


def _now_unix() -> int:
    return SystemClock().now_unix_nano() // NANO


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) > LEAD_SECONDS_MAX:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds from 0 to {LEAD_SECONDS_MAX}")
    return int(text)
