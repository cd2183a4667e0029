"""Entries as rows of the table `entry`, and back."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import orjson

from gateway_ext.audit.index.entry import Decided, Ended, Entry
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
_NO_DECISION = (None,) * (2 + len(_DECIDED))
_NO_END = (None,) * (2 + len(_ENDED) + len(_FIGURES))
_of_decided = attrgetter("time_unix_nano", "event", *(name.removeprefix("decided_") for name in _DECIDED))
_of_ended = attrgetter("time_unix_nano", "event", *(name.removeprefix("ended_") for name in _ENDED), *_FIGURES)


def row(number: int, entry: Entry) -> tuple[Any, ...]:
    """In the order of COLUMNS. What is empty is NULL, and so in no index."""
    decided, ended = entry.decided, entry.ended
    return (
        number,
        entry.id,
        entry.time_unix_nano,
        orjson.dumps(sorted(entry.marks)).decode(),
        orjson.dumps(decided.tiers).decode() if decided and decided.tiers else None,
        *(_NO_DECISION if decided is None else map(_or_null, _of_decided(decided))),
        *(_NO_END if ended is None else map(_or_null, _of_ended(ended))),
        entry.tier or None,
    )


def entry(columns: Sequence[Any]) -> tuple[int, Entry]:
    """Of a row in the order of COLUMNS: its number, and the entry."""
    of = dict(zip(COLUMNS, columns, strict=True))
    decided = ended = None
    if of["decided_time"] is not None:
        texts: dict[str, Any] = {name.removeprefix("decided_"): of[name] or "" for name in _DECIDED}
        tiers = tuple((cluster, tier) for cluster, tier in orjson.loads(of["tiers"] or "[]"))
        decided = Decided(of["decided_time"], of["decided_event"] or "", tiers=tiers, **texts)
    if of["ended_time"] is not None:
        texts = {name.removeprefix("ended_"): of[name] or "" for name in _ENDED}
        ended = Ended(of["ended_time"], of["ended_event"] or "", **texts, **{name: of[name] for name in _FIGURES})
    return of["number"], Entry(of["id"], of["time"], decided, ended, frozenset(orjson.loads(of["marks"])))


def _or_null(value: str | int) -> str | int | None:
    return None if value == "" else value
