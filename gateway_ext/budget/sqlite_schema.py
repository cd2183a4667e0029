"""The ledger's tables and every statement that runs on them."""

from __future__ import annotations

SCHEMA_VERSION = 1

# An account's limit is that of the last granted request, for display: the one that counts comes with each reservation.
# A hold keeps its keys and prices as JSON, so that settling it needs nothing but its own row.
SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
  key TEXT PRIMARY KEY NOT NULL,
  rule TEXT NOT NULL,
  limit_nano INTEGER NOT NULL,
  held_nano INTEGER NOT NULL DEFAULT 0 CHECK (held_nano >= 0),
  posted_nano INTEGER NOT NULL DEFAULT 0 CHECK (posted_nano >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS hold (
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('held', 'posted', 'void', 'expired')),
  amount_nano INTEGER NOT NULL CHECK (amount_nano >= 0),
  currency TEXT NOT NULL,
  accounts TEXT NOT NULL,
  prices TEXT NOT NULL,
  subject TEXT NOT NULL,
  team TEXT NOT NULL,
  model TEXT NOT NULL,
  input_tokens_max INTEGER NOT NULL,
  output_tokens_max INTEGER NOT NULL,
  created_unix_nano INTEGER NOT NULL,
  expires_unix_nano INTEGER NOT NULL,
  settled_unix_nano INTEGER,
  cost_nano INTEGER NOT NULL DEFAULT 0 CHECK (cost_nano >= 0),
  cluster TEXT NOT NULL DEFAULT '',
  input_tokens INTEGER,
  output_tokens INTEGER,
  cached_input_tokens INTEGER,
  usage_is_estimated INTEGER,
  settled_by TEXT NOT NULL DEFAULT '',
  flags TEXT NOT NULL DEFAULT '[]'
) STRICT;

CREATE INDEX IF NOT EXISTS hold_open ON hold (expires_unix_nano) WHERE state = 'held';
"""

INSERT_HOLD = """
INSERT INTO hold (id, state, amount_nano, currency, accounts, prices, subject, team, model,
                  input_tokens_max, output_tokens_max, created_unix_nano, expires_unix_nano)
VALUES (?, 'held', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"""

SELECT_AMOUNT = "SELECT amount_nano, currency FROM hold WHERE id = ?"

# The one place where money is granted: test and debit are one statement.
TAKE = """
UPDATE account SET held_nano = held_nano + ?1, limit_nano = ?2
WHERE key = ?3 AND held_nano + posted_nano + ?1 <= ?2"""

OPEN_ACCOUNT = "INSERT INTO account (key, rule, limit_nano) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING"

MOVE = "UPDATE account SET held_nano = held_nano - ?, posted_nano = posted_nano + ? WHERE key = ?"

SELECT_HOLD = """
SELECT state, amount_nano, currency, accounts, prices, cost_nano, cluster,
       input_tokens, output_tokens, cached_input_tokens, usage_is_estimated, settled_by, flags
FROM hold WHERE id = ?"""

CLOSE_HOLD = """
UPDATE hold SET state = ?, settled_unix_nano = ?, cost_nano = ?, cluster = ?, input_tokens = ?, output_tokens = ?,
                cached_input_tokens = ?, usage_is_estimated = ?, settled_by = ?, flags = ?
WHERE id = ?"""

SELECT_EXPIRED = (
    "SELECT id FROM hold WHERE state = 'held' AND expires_unix_nano <= ? ORDER BY expires_unix_nano LIMIT ?"
)

SELECT_ACCOUNTS = "SELECT key, rule, limit_nano, posted_nano, held_nano FROM account ORDER BY key"
