"""The subjects store's table and every statement that runs on it."""

from __future__ import annotations

SCHEMA_VERSION = 1

# Of somebody who was erased, the pseudonym and the time are left.
TABLES = """
CREATE TABLE subject (
  pseudonym TEXT PRIMARY KEY NOT NULL,
  name TEXT UNIQUE,
  key BLOB,
  since_unix_nano INTEGER NOT NULL,
  erased_unix_nano INTEGER NOT NULL DEFAULT 0,
  CHECK ((name IS NULL) = (erased_unix_nano > 0) AND (key IS NULL) = (erased_unix_nano > 0))
) STRICT, WITHOUT ROWID"""

SELECT_BY_NAME = "SELECT pseudonym, name, key FROM subject WHERE name = ?"

SELECT_BY_PSEUDONYM = "SELECT pseudonym, name, key, erased_unix_nano FROM subject WHERE pseudonym = ?"

INSERT = """
INSERT INTO subject (pseudonym, name, key, since_unix_nano) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING"""

ERASE = "UPDATE subject SET name = NULL, key = NULL, erased_unix_nano = ? WHERE pseudonym = ? AND name IS NOT NULL"
