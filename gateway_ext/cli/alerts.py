"""`gateway-ext alerts`: what was told of budgets, and whether each channel can be reached."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import TYPE_CHECKING, Any

from gateway_ext.alerts.alert import Alert, Kind, document, sentence
from gateway_ext.alerts.rules import TRAIL
from gateway_ext.alerts.sqlite_store import SqliteAlerts
from gateway_ext.cli.settings_arguments import add_settings_arguments, settings_of_state
from gateway_ext.cli.table import table
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError

if TYPE_CHECKING:
    from gateway_ext.alerts.delivery import Outlet

SEND_SECONDS = 20.0
SHOWN = 50


def register(subparsers: Any) -> None:
    """Add the command to argparse's subparsers."""
    alerts = subparsers.add_parser("alerts", help="list alerts on budgets, and test their channels")
    commands = alerts.add_subparsers(title="commands", metavar="COMMAND", required=True)
    shown = commands.add_parser(
        "list",
        help="the last alerts, and what waits for each channel",
        description="Newest first. What has been told is forgotten some days after its period.",
    )
    shown.add_argument("-n", type=int, default=SHOWN, metavar="N", dest="count", help="how many (default: %(default)s)")
    shown.add_argument("--json", action="store_true", help="print JSON, the alerts as webhooks get them")
    shown.set_defaults(run=run_list)
    test = commands.add_parser(
        "test",
        help="send a test message to each channel of budgets.yaml",
        description="Exit code 1 when a channel has not taken it. Nothing is written to the audit trail.",
    )
    test.add_argument("--channel", metavar="NAME", help="to this one only")
    test.set_defaults(run=run_test)
    for command in (shown, test):
        add_settings_arguments(command)


def run_list(options: argparse.Namespace) -> int:
    """Print them. Raises ConfigurationError."""
    path = settings_of_state(options).layout.alerts
    store = SqliteAlerts(path)
    alerts, waiting = (store.newest(max(0, options.count)), store.counts()) if path.exists() else ([], {})
    if options.json:
        print(json.dumps({**document(alerts), "waiting": waiting}, indent=2))
        return 0
    for alert in alerts:
        told = document([alert])["alerts"][0]["told_at"]
        print(f"{told}  {sentence(alert)}")
    if not alerts:
        print("Nothing was told yet.")
    for channel, count in sorted(waiting.items()):
        print(f"Waiting for channel '{channel}': {count}")
    return 0


def run_test(options: argparse.Namespace) -> int:
    """Send to each channel; 1 when one has not taken it. Raises ConfigurationError."""
    from gateway_ext.alerts.outlets import outlet  # noqa: PLC0415  (extra `control`)
    from gateway_ext.policy.loader import load_policy  # noqa: PLC0415  (slow)

    settings = settings_of_state(options)
    channels = load_policy(settings.policies_dir).alerts.channels
    outlets = {
        each.name: outlet(each, settings.layout.channels) for each in channels if options.channel in (None, each.name)
    }
    if options.channel and not outlets:
        known = ", ".join(each.name for each in channels) or "(none)"
        raise ConfigurationError(f"budgets.yaml has no channel '{options.channel}'; known: {known}")
    results = asyncio.run(_tried(outlets))
    if results:
        print(table(("CHANNEL", "RESULT"), [(name, result or "taken") for name, result in results.items()]))
    print(f"Everything is told in the audit trail, too (channel '{TRAIL}').")
    return 1 if any(results.values()) else 0


async def _tried(outlets: dict[str, Outlet]) -> dict[str, str]:
    """What is wrong with each, all tried at once; "" for nothing."""
    results = await asyncio.gather(*(_attempt(each) for each in outlets.values()))
    return dict(zip(outlets, results, strict=True))


async def _attempt(outlet: Outlet) -> str:
    from gateway_ext.alerts.delivery import why  # noqa: PLC0415  (extra `control`)

    now_unix_nano = SystemClock().now_unix_nano()
    test = Alert(
        kind=Kind.TEST,
        account="",
        budget="test",
        scope="",
        value="",
        model="",
        period="",
        currency="",
        threshold_percent=0,
        limit_nano=0,
        carried_nano=0,
        topped_up_nano=0,
        posted_nano=0,
        held_nano=0,
        is_hard=False,
        told_unix_nano=now_unix_nano,
        is_rolling=True,
    )
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await outlet.send([test])
    except Exception as error:  # noqa: BLE001  (told to the operator, one channel at a time)
        return why(error)
    finally:
        outlet.close()
    return ""
