"""The values that one detector found, to be judged with `guard mark`: part of `guard report`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from gateway_ext.cli.guard_evidence import Value
from gateway_ext.cli.table import table
from gateway_ext.guard.marks import Marks

COLUMNS = ("FINGERPRINT", "MARKED", "HITS", "CALLERS", "LAST SEEN", "EXCHANGE", "ROLE", "PLACE", "ACTION")
SHOWN = 20


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One value of a detector, as last seen. `--json` prints these names."""

    fingerprint: str
    marked: bool | None
    note: str
    hits: int
    callers: int
    last_seen_unix_nano: int
    exchange_id: str
    role: str
    place: str
    action: str


def value_rows(values: Mapping[str, Value], detector: str, judged: Marks) -> list[ValueRow]:
    """Unmarked ones first, in the order of their fingerprints: keyed hashes, so the first ones are a random sample."""
    found = []
    for fingerprint, value in values.items():
        mark, latest = judged.of(detector, fingerprint), value.latest
        found.append(
            ValueRow(
                fingerprint=fingerprint,
                marked=None if mark is None else mark.is_right,
                note="" if mark is None else mark.note,
                hits=value.hits,
                callers=len(value.callers),
                last_seen_unix_nano=latest.time_unix_nano,
                exchange_id=latest.exchange_id,
                role=latest.role,
                place=latest.place,
                action=latest.action,
            )
        )
    return sorted(found, key=lambda row: (row.marked is not None, row.fingerprint))


def print_values(shown: Sequence[ValueRow], detector: str, *, with_all: bool, is_json: bool) -> None:
    """The first unmarked ones, or all, and how to mark them."""
    unmarked = [row for row in shown if row.marked is None]
    listed = shown if with_all else unmarked[:SHOWN]
    if is_json:
        print(json.dumps([asdict(row) for row in listed], indent=2))
        return
    print(table(COLUMNS, map(_cells, listed)) if listed else "No unmarked values in this part of the trail.")
    if len(listed) < len(shown):
        print(
            f"\n{len(shown) - len(unmarked)} more are marked, {len(unmarked) - len(listed)} more are not; --all lists all."
        )
    if unmarked:
        print("Judge them from the top, without leaving any out: the order is random, so the result is not biased.")
        print(f"  gateway-ext guard mark {unmarked[0].fingerprint} --detector {detector} --true | --false")


def _cells(row: ValueRow) -> tuple[str, ...]:
    seen = datetime.fromtimestamp(row.last_seen_unix_nano / 1e9, UTC).strftime("%Y-%m-%d %H:%MZ")
    marked = {None: "", True: "true", False: "false"}[row.marked]
    counts = (str(row.hits), str(row.callers))
    return row.fingerprint, marked, *counts, seen, row.exchange_id, row.role, row.place, row.action
