"""The tables of the console's store. Nothing in it lasts: sessions, logins under way, answers to repeated requests."""

from __future__ import annotations

SCHEMA_VERSION = 1

# `id` is a digest of the person and of the Idempotency-Key; `answer` is NULL while nobody knows how it ended.
REPEATED = """
CREATE TABLE repeated (
  id BLOB PRIMARY KEY NOT NULL,
  fingerprint BLOB NOT NULL,
  begun_unix INTEGER NOT NULL,
  answer TEXT
) STRICT, WITHOUT ROWID"""

REPEATED_BY_TIME = "CREATE INDEX repeated_begun ON repeated (begun_unix)"

# `digest` is of the secret in the browser's cookie (SHA-256); `claims` are those that policy's issuer rule reads.
SESSION = """
CREATE TABLE session (
  digest TEXT PRIMARY KEY NOT NULL,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  claims TEXT NOT NULL,
  created_unix INTEGER NOT NULL,
  seen_unix INTEGER NOT NULL
) STRICT, WITHOUT ROWID"""

SESSION_BY_PERSON = "CREATE INDEX session_of ON session (issuer, subject, created_unix)"

# One login under way. `state_digest` and `browser_digest` are of what the provider brings back, and of a cookie.
LOGIN = """
CREATE TABLE login (
  state_digest TEXT PRIMARY KEY NOT NULL,
  browser_digest TEXT NOT NULL,
  provider TEXT NOT NULL,
  next TEXT NOT NULL,
  begun_unix INTEGER NOT NULL
) STRICT, WITHOUT ROWID"""

LOGIN_BY_TIME = "CREATE INDEX login_begun ON login (begun_unix)"

SCHEMA: tuple[str, ...] = (REPEATED, REPEATED_BY_TIME, SESSION, SESSION_BY_PERSON, LOGIN, LOGIN_BY_TIME)
"""Every statement that makes a table or an index."""
