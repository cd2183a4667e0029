"""The tables of the store of conversations, and every statement that runs on them."""

from __future__ import annotations

SCHEMA_VERSION = 1

# `seal` is made with the key of all keys: with another one, everything in the store would be unknown.
# A row of class '' says that the conversation is known, and has held nothing that is to be remembered.
TABLES = (
    "CREATE TABLE store (id TEXT PRIMARY KEY NOT NULL, seal BLOB NOT NULL) STRICT",
    """
CREATE TABLE held (
  key BLOB NOT NULL,
  class TEXT NOT NULL,
  unix_day INTEGER NOT NULL,
  PRIMARY KEY (key, class)
) STRICT, WITHOUT ROWID""",
    "CREATE INDEX held_by_day ON held (unix_day)",
)

INSERT_STORE = "INSERT INTO store (id, seal) VALUES (?, ?)"
SELECT_STORE = "SELECT id, seal FROM store"

PUT = """
INSERT INTO held (key, class, unix_day) VALUES (?, ?, ?)
ON CONFLICT (key, class) DO UPDATE SET unix_day = excluded.unix_day WHERE unix_day < excluded.unix_day"""

DELETE_OLD = """
DELETE FROM held WHERE (key, class) IN (SELECT key, class FROM held WHERE unix_day < ? LIMIT ?)"""


def select(keys: int) -> str:
    """What is held under one of so many keys."""
    return f"SELECT key, class FROM held WHERE key IN ({', '.join('?' * keys)})"  # noqa: S608  (a number)
