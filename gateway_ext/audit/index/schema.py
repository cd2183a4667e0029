"""The tables of an index, the same in SQLite and PostgreSQL. There is nothing to migrate: another version is made anew."""

from __future__ import annotations

from gateway_ext.audit.index.entry import Field

SCHEMA_VERSION = 1

INDEXED = (
    Field.SUBJECT,
    Field.APPLICATION,
    Field.PROJECT,
    Field.TEAM,
    Field.VALUE,
    Field.SERVED_MODEL,
    Field.MODEL,
    Field.STATUS,
    Field.TIER,
    Field.JURISDICTION,
    Field.PROVIDER,
)
"""Columns that lead to entries in the order of time. The others are looked at when something else has led there."""

COLUMNS = (
    *("number", "id", "time", "marks", "tiers"),
    *(
        "decided_time",
        "decided_event",
        "action",
        "decided_reason",
        "subject",
        "team",
        "project",
        "application",
        "model",
    ),
    *("policy", "scope", "value"),
    *("ended_time", "ended_event", "ended_reason", "status", "served_model", "provider", "jurisdiction", "cluster"),
    *("currency", "cost_nano", "input_tokens", "output_tokens", "tier"),
)
_INTEGERS = {"time", "decided_time", "ended_time", "cost_nano", "input_tokens", "output_tokens"}
_REQUIRED = {"id", "time", "marks"}


def _column(name: str) -> str:
    if name == "number":
        return "number bigint PRIMARY KEY"
    return f"{name} {'bigint' if name in _INTEGERS else 'text'}{' NOT NULL' if name in _REQUIRED else ''}"


def statements(*, is_sqlite: bool) -> list[str]:
    """That make the tables. A `number` is the order in which entries came; `mark.mark` is a field, a colon and a value."""
    clustered = " WITHOUT ROWID" if is_sqlite else ""
    columns = ", ".join(map(_column, COLUMNS))
    if is_sqlite:
        columns = columns.replace("number bigint", "number integer")  # which makes it the row's own number
    return [
        f"CREATE TABLE entry ({columns})",
        "CREATE UNIQUE INDEX entry_id ON entry (id)",
        "CREATE INDEX entry_time ON entry (time, number)",
        "CREATE INDEX entry_cost ON entry (cost_nano) WHERE cost_nano IS NOT NULL",
        *(f"CREATE INDEX entry_{each} ON entry ({each}, time, number) WHERE {each} IS NOT NULL" for each in INDEXED),
        "CREATE TABLE mark (mark text NOT NULL, time bigint NOT NULL, number bigint NOT NULL,"
        f" PRIMARY KEY (mark, time, number)){clustered}",
        "CREATE TABLE record (log integer NOT NULL, segment bigint NOT NULL, leaf bigint NOT NULL, number bigint NOT NULL,"
        f" PRIMARY KEY (log, segment, leaf)){clustered}",
        "CREATE INDEX record_number ON record (number)",
        "CREATE TABLE segment (log integer NOT NULL, segment bigint NOT NULL, bytes bigint NOT NULL, PRIMARY KEY (log,"
        f" segment)){clustered}",
        "CREATE TABLE log (log integer PRIMARY KEY, name text NOT NULL UNIQUE, segment bigint NOT NULL, leaves bigint NOT"
        " NULL, records bigint NOT NULL)",
        "CREATE TABLE generation (generation text NOT NULL, version bigint NOT NULL)",
    ]


TABLES = ("entry", "mark", "record", "segment", "log", "generation")
