"""`gateway-ext audit search`: which requests and administrative acts the trail has, by any combination of conditions."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway_ext.administration.searching import search_recorded
from gateway_ext.audit.filters import TIME_UNIX_NANO_MAX, Filter
from gateway_ext.audit.index.cursors import Direction, Position, read_cursor
from gateway_ext.audit.index.entry import MARKS, Entry, Field
from gateway_ext.audit.index.store import Index, Page
from gateway_ext.audit_index import opened_index
from gateway_ext.cli import moments
from gateway_ext.cli.audit_index import caught_up
from gateway_ext.cli.audit_logs import add_state_arguments
from gateway_ext.cli.orders import settings_of
from gateway_ext.cli.table import table
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO, STANDING_VALUE_CHARACTERS_MAX

COLUMNS = ("TIME", "EVENT", "WHO", "TEAM", "MODEL", "RESULT", "DETAIL", "ID")
COUNT_MAX = 1_000
VALUES_MAX = 50  # of one condition
HELP = {
    Field.SUBJECT: "who asked, or gave an order",
    Field.TEAM: "of whoever asked",
    Field.PROJECT: "of whoever asked",
    Field.APPLICATION: "of whoever asked",
    Field.MODEL: "as it was asked for",
    Field.SERVED_MODEL: "as its provider names it",
    Field.PROVIDER: "that answered",
    Field.JURISDICTION: "of the provider that answered",
    Field.TIER: "of the deployment that answered",
    Field.STATUS: "HTTP status of the answer, such as 429",
    Field.CURRENCY: "of the cost",
    Field.POLICY: "digest of the policy it was judged by",
    Field.SCOPE: "of an order: person, model, budget, …",
    Field.VALUE: "what an order was about",
    Field.EXCHANGE: "gateway.exchange.id; of other records their gateway.record.id",
    Field.EVENT: "an event of docs/audit.md, such as request:decision:refused",
    Field.ACTION: "forward, answer, refuse; release, redact, withhold",
    Field.REASON: "why it was refused, such as budget_exhausted",
    Field.CLASS: "of findings: personal, secret, …",
    Field.FLAG: "of outcomes: client_aborted, recovered, …",
}


def add_search(commands: Any) -> None:
    command = commands.add_parser(
        "search",
        help="search the trail",
        description="The newest first. Of one condition given several times any must hold, of several conditions all. That "
        "somebody searches is recorded itself.",
    )
    add_filter_arguments(command)
    command.add_argument("-n", type=_count, default=20, metavar="N", dest="count", help="how many (default: 20)")
    command.add_argument("--after", metavar="CURSOR", help="go on where an earlier page ended")
    command.add_argument("--oldest-first", action="store_true", help="begin with the oldest, and print it first")
    command.add_argument("--json", action="store_true", help="print JSON")
    add_state_arguments(command)
    command.set_defaults(run=run)


def add_filter_arguments(command: Any) -> None:
    """The conditions of a search, for `filter_of`."""
    for kind in Field:
        option = f"--{kind.replace('_', '-')}"
        command.add_argument(
            option, dest=kind.value, type=_value, action="append", default=[], metavar="VALUE", help=HELP[kind]
        )
    command.add_argument("--since", type=moments.since, default=0, help="an age (7d, 12h) or a date (UTC)")
    command.add_argument("--until", type=moments.since, default=TIME_UNIX_NANO_MAX, help="before then")
    command.add_argument("--cost-min", type=_amount, metavar="AMOUNT", help="charged at least, such as 0.05")
    command.add_argument("--cost-max", type=_amount, metavar="AMOUNT", help="charged at most")


def filter_of(options: argparse.Namespace) -> Filter:
    """What the options ask for. Raises ConfigurationError."""
    where = {kind: frozenset(values) for kind in Field if (values := getattr(options, kind.value))}
    if any(len(values) > VALUES_MAX for values in where.values()):
        raise ConfigurationError(f"audit: at most {VALUES_MAX} values of one condition")
    return Filter(where, options.since, options.until, options.cost_min, options.cost_max)


def run(options: argparse.Namespace) -> int:
    """Print a page, and the cursors of those beside it. Raises ConfigurationError."""
    wanted = filter_of(options)
    page = asyncio.run(_page(options, wanted))
    entries = page.entries[::-1] if options.oldest_first else page.entries
    if options.json:
        print(json.dumps({"entries": list(map(_object, entries)), "older": page.older, "newer": page.newer}, indent=2))
        return 0
    print(table(COLUMNS, map(_cells, entries)) if entries else "Nothing found.")
    for name, cursor in (("older", page.older), ("newer", page.newer)):
        if cursor:
            print(f"\n{name}: --after {cursor}", end="")
    print()
    return 0


async def _page(options: argparse.Namespace, wanted: Filter) -> Page:
    """Full, unless there is no more."""
    settings = settings_of(options)
    async with opened_index(settings) as index:
        position = Position(Direction.NEWER if options.oldest_first else Direction.OLDER)
        if options.after:
            position = read_cursor(options.after, await index.generation())
        await caught_up(settings, index)
        searched = search_recorded(settings, wanted, "audit search")
        return await _filled(index, searched, options.count, position)


async def _filled(index: Index, wanted: Filter, count: int, position: Position) -> Page:
    is_upwards = position.direction is Direction.NEWER
    page = await index.search(wanted, count, position)
    while len(page.entries) < count and (onwards := page.newer if is_upwards else page.older):
        more = await index.search(wanted, count - len(page.entries), read_cursor(onwards, await index.generation()))
        if is_upwards:
            page = Page(more.entries + page.entries, page.older or more.older, more.newer)
        else:
            page = Page(page.entries + more.entries, more.older, page.newer or more.newer)
    return page


def _cells(entry: Entry) -> tuple[str, ...]:
    of = entry.value
    result = (*sorted(entry.marked(Field.ACTION)), *sorted(entry.marked(Field.REASON)), of(Field.STATUS))
    served = (of(Field.PROVIDER) and f"by {of(Field.PROVIDER)}",)
    about = (of(Field.SCOPE), of(Field.VALUE))
    return (
        moments.shown(entry.time_unix_nano),
        entry.event,
        of(Field.SUBJECT),
        of(Field.TEAM),
        of(Field.MODEL) or of(Field.SERVED_MODEL),
        " ".join(part for part in (*result, *served, *about) if part),
        ", ".join(_details(entry)),
        entry.id,
    )


def _details(entry: Entry) -> Iterable[str]:
    yield from sorted(entry.marked(Field.CLASS))
    if (ended := entry.ended) and ended.input_tokens + ended.output_tokens:
        yield f"{ended.input_tokens}+{ended.output_tokens} tokens"
    if entry.cost_nano:
        yield f"{Decimal(entry.cost_nano) / NANO:.6f} {entry.value(Field.CURRENCY)}"
    yield from sorted(entry.marked(Field.FLAG))


def _object(entry: Entry) -> dict[str, Any]:
    values: dict[str, Any] = {kind.value: entry.value(kind) for kind in Field if kind not in MARKS}
    values |= {kind.value: sorted(entry.marked(kind)) for kind in MARKS}
    figures = asdict(entry.ended) if entry.ended else {}
    values |= {name: figures.get(name) for name in ("cost_nano", "input_tokens", "output_tokens")}
    return {
        "id": entry.id,
        "time_unix_nano": entry.time_unix_nano,
        **{k: v for k, v in values.items() if v not in ("", [], None)},
    }


def _value(text: str) -> str:
    if not text or len(text) > STANDING_VALUE_CHARACTERS_MAX or not text.isprintable():
        raise argparse.ArgumentTypeError(f"must be 1 to {STANDING_VALUE_CHARACTERS_MAX} printable characters")
    return text


def _amount(text: str) -> int:
    """An amount of money in billionths of its unit."""
    try:
        nano = Decimal(text) * NANO
        if nano.is_finite() and 0 <= nano < 2**63 and nano == int(nano):
            return int(nano)
    except InvalidOperation:
        pass
    raise argparse.ArgumentTypeError("must be an amount such as 0.05, of at most nine decimals")


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= COUNT_MAX:
        raise argparse.ArgumentTypeError(f"must be from 1 to {COUNT_MAX}")
    return number
