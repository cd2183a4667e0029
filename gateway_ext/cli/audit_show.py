"""`gateway-ext audit show`: all records of one exchange, or one administrative act, and where they lie."""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass
from typing import Any

from gateway_ext.administration.searching import search_recorded
from gateway_ext.audit import semconv
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.filters import Filter
from gateway_ext.audit.index.entry import Field
from gateway_ext.audit.index.store import Place
from gateway_ext.audit.leaf_places import LeafPlaces
from gateway_ext.audit_index import logs, opened_index
from gateway_ext.cli import moments
from gateway_ext.cli.audit_index import caught_up
from gateway_ext.cli.audit_logs import add_state_arguments
from gateway_ext.cli.orders import settings_of
from gateway_ext.cli.table import printable
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings


@dataclass(frozen=True, slots=True)
class Shown:
    """A record, its process, and which leaf of the process's log it is; None: its place in the tree is not known yet."""

    event: Event
    process: str
    segment: int
    leaf: int | None


def add_show(commands: Any) -> None:
    command = commands.add_parser(
        "show",
        help="show all records of an exchange",
        description="Everything the trail knows of it, from the records themselves, and where they lie. Recorded as a search.",
    )
    command.add_argument("id", metavar="ID", help="gateway.exchange.id; of a record without one its gateway.record.id")
    command.add_argument("--json", action="store_true", help="print JSON")
    add_state_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the records, the earliest first; 1 when there are none. Raises ConfigurationError."""
    try:
        records = asyncio.run(_records(settings_of(options), options.id))
    except OSError as error:
        raise ConfigurationError(f"audit: {error.filename} cannot be read ({error.strerror})") from error
    if options.json:
        print(json.dumps([_object(record) for record in records], indent=2))
    elif records:
        print("\n\n".join(_text(record) for record in records))
    else:
        print("The trail has no record of it; it may have been erased.")
    return 0 if records else 1


async def _records(settings: Settings, entry_id: str) -> list[Shown]:
    async with opened_index(settings) as index:
        await caught_up(settings, index)
        search_recorded(settings, Filter({Field.EXCHANGE: frozenset({entry_id})}), "audit show")
        places = await index.places(entry_id)
    records = await asyncio.to_thread(_read, settings, places)
    return sorted(records, key=lambda record: (record.event.time_unix_nano, record.process, record.segment))


def _read(settings: Settings, places: tuple[Place, ...]) -> list[Shown]:
    of = logs(settings)
    return [
        Shown(event, place.log.rpartition("/")[2], place.segment, _leaf(settings, place))
        for place in places
        for event in of.events([place])
    ]


def _leaf(settings: Settings, place: Place) -> int | None:
    """Its number in the log's tree, by which it is proved."""
    try:
        first = LeafPlaces(settings.layout.trees / place.log.rpartition("/")[2] / "segments").first_leaf(place.segment)
    except (OSError, ValueError):
        return None
    return None if first is None else first + place.leaf


def _object(record: Shown) -> dict[str, Any]:
    event = record.event
    return {
        "time_unix_nano": event.time_unix_nano,
        "name": event.name,
        "log": record.process,
        "segment": record.segment,
        "leaf": record.leaf,
        "attributes": semconv.attributes(event),
    }


def _text(record: Shown) -> str:
    event = record.event
    leaf = "not in the tree yet" if record.leaf is None else f"leaf {record.leaf}"
    head = (
        f"{moments.shown(event.time_unix_nano)}  {event.name}  (log {record.process}, segment {record.segment}, {leaf})"
    )
    lines = (f"  {name} = {json.dumps(value, ensure_ascii=False)}" for name, value in semconv.attributes(event).items())
    return "\n".join(map(printable, (head, *lines)))
