"""Entries as rows of the table `entry`, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gateway_ext.audit.index.entry import Decided, Ended, Entry, Field, Mark
from gateway_ext.audit.index.schema import COLUMNS

_DECIDED = (
    "action",
    "decided_reason",
    "subject",
    "team",
    "project",
    "application",
    "model",
    "policy",
    "scope",
    "value",
)
_ENDED = ("ended_reason", "status", "served_model", "provider", "jurisdiction", "cluster", "currency")
_FIGURES = ("cost_nano", "input_tokens", "output_tokens")


def row(number: int, entry: Entry) -> tuple[Any, ...]:
    """In the order of COLUMNS. What is empty is NULL, and so in no index."""
    values: dict[str, Any] = {
        "number": number,
        "id": entry.id,
        "time": entry.time_unix_nano,
        "marks": json.dumps(sorted(map(mark_text, entry.marks))),
        "tier": entry.tier or None,
    }
    if decided := entry.decided:
        values |= {"decided_time": decided.time_unix_nano, "decided_event": decided.event}
        values |= {name: getattr(decided, name.removeprefix("decided_")) or None for name in _DECIDED}
        values["tiers"] = json.dumps(decided.tiers) if decided.tiers else None
    if ended := entry.ended:
        values |= {"ended_time": ended.time_unix_nano, "ended_event": ended.event}
        values |= {name: getattr(ended, name.removeprefix("ended_")) or None for name in _ENDED}
        values |= {name: getattr(ended, name) for name in _FIGURES}
    return tuple(values.get(name) for name in COLUMNS)


def entry(columns: Sequence[Any]) -> tuple[int, Entry]:
    """Of a row in the order of COLUMNS: its number, and the entry."""
    of = dict(zip(COLUMNS, columns, strict=True))
    decided = ended = None
    if of["decided_time"] is not None:
        texts: dict[str, Any] = {name.removeprefix("decided_"): of[name] or "" for name in _DECIDED}
        tiers = tuple((cluster, tier) for cluster, tier in json.loads(of["tiers"] or "[]"))
        decided = Decided(of["decided_time"], of["decided_event"] or "", tiers=tiers, **texts)
    if of["ended_time"] is not None:
        texts = {name.removeprefix("ended_"): of[name] or "" for name in _ENDED}
        ended = Ended(of["ended_time"], of["ended_event"] or "", **texts, **{name: of[name] for name in _FIGURES})
    marks = frozenset(map(_mark, json.loads(of["marks"])))
    return of["number"], Entry(of["id"], of["time"], decided, ended, marks)


def mark_text(mark: Mark) -> str:
    kind, value = mark
    return f"{kind}:{value}"


def _mark(text: str) -> Mark:
    kind, _, value = text.partition(":")
    return Field(kind), value
