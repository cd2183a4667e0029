"""`gateway-ext audit index`: how far the search index is, and making it anew. Commands that search bring it up to date first."""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict
from typing import Any

from gateway_ext.audit.index.follower import Follower
from gateway_ext.audit.index.store import Index, IndexStatus, LogPosition
from gateway_ext.audit_index import logs, opened_index
from gateway_ext.cli.audit_logs import add_state_arguments
from gateway_ext.cli.orders import settings_of
from gateway_ext.cli.progress import Progress
from gateway_ext.cli.table import table
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings

STATUS_COLUMNS = ("LOG", "SEGMENT", "RECORDS", "UNREAD BYTES")


def add_index(commands: Any) -> None:
    index = commands.add_parser("index", help="look after the index that the trail is searched by")
    own = index.add_subparsers(title="commands", metavar="COMMAND", required=True)
    status = own.add_parser("status", help="show how far each log is indexed")
    status.add_argument("--json", action="store_true", help="print JSON")
    rebuild = own.add_parser(
        "rebuild",
        help="make the index anew from the segments",
        description="Of no effect on requests and records. The control process may go on meanwhile. Cursors of searches end.",
    )
    for command, run in ((status, run_status), (rebuild, run_rebuild)):
        add_state_arguments(command)
        command.set_defaults(run=run)


def run_status(options: argparse.Namespace) -> int:
    """Print how far the index is. Raises ConfigurationError."""
    settings = settings_of(options)
    status, unread = asyncio.run(_status(settings))
    if options.json:
        print(json.dumps({**asdict(status), "unread_bytes": unread}, indent=2))
        return 0
    positions = {name: status.positions.get(name, LogPosition()) for name in sorted({*status.positions, *unread})}
    rows = ((name, str(at.segment), str(at.records), str(unread.get(name, 0))) for name, at in positions.items())
    print(table(STATUS_COLUMNS, rows, numbers=3))
    print(f"\n{status.entries} exchanges and acts, of {status.records} records.")
    return 0


def run_rebuild(options: argparse.Namespace) -> int:
    """Make it anew, and print how much there is. Raises ConfigurationError."""
    settings = settings_of(options)
    status = asyncio.run(_rebuilt(settings))
    print(f"Indexed {status.records} records: {status.entries} exchanges and acts.")
    return 0


async def caught_up(settings: Settings, index: Index) -> None:
    """Index all that is written by now, and forget what was erased. Raises ConfigurationError."""
    follower = Follower(index, logs(settings))
    try:
        with Progress("Indexing", sum((await _unread_bytes(settings, index)).values())) as progress:
            await follower.catch_up(progress.advance)
            await follower.prune()
    except OSError as error:
        raise ConfigurationError(f"audit: {error.filename} cannot be read ({error.strerror})") from error


async def _status(settings: Settings) -> tuple[IndexStatus, dict[str, int]]:
    async with opened_index(settings) as index:
        return await index.status(), await _unread_bytes(settings, index)


async def _rebuilt(settings: Settings) -> IndexStatus:
    async with opened_index(settings) as index:
        await index.clear()
        await caught_up(settings, index)
        await index.optimize()
        return await index.status()


async def _unread_bytes(settings: Settings, index: Index) -> dict[str, int]:
    """Of each log, about: a segment that was begun to be read counts as read."""
    of = logs(settings)
    found = {}
    for log in await asyncio.to_thread(of.names):
        seen = await index.segments(log)
        sizes = await asyncio.to_thread(of.sizes, log)
        found[log] = sum(max(0, size - seen.get(segment, 0)) for segment, size in sizes.items())
    return found
