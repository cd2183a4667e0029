"""The ledger's tables and every statement that runs on them."""

from __future__ import annotations

SCHEMA_VERSION = 3

# An account's limit is that of the last granted request, for display: the one that counts comes with each reservation.
# `carried_nano` is what it took over from the period before when it was opened, and what that has handed over is no longer
# its own: a request that was asked in the old period and comes late must not spend it again.
# A top-up adds to a budget while it lasts.
# A quota is the moment at which its bucket is full again, and what is held of it (quotas.py).
# A hold keeps its keys, prices and what it took of quotas as JSON, so that settling it needs nothing but its own row.
SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
  key TEXT PRIMARY KEY NOT NULL,
  rule TEXT NOT NULL,
  limit_nano INTEGER NOT NULL,
  held_nano INTEGER NOT NULL DEFAULT 0 CHECK (held_nano >= 0),
  posted_nano INTEGER NOT NULL DEFAULT 0 CHECK (posted_nano >= 0),
  carried_nano INTEGER NOT NULL DEFAULT 0 CHECK (carried_nano >= 0),
  handed_over_nano INTEGER NOT NULL DEFAULT 0 CHECK (handed_over_nano >= 0),
  ends_unix_nano INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS top_up (
  id TEXT PRIMARY KEY NOT NULL,
  budget TEXT NOT NULL,
  amount_nano INTEGER NOT NULL CHECK (amount_nano > 0),
  begins_unix_nano INTEGER NOT NULL,
  ends_unix_nano INTEGER NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS top_up_budget ON top_up (budget, ends_unix_nano);

CREATE TABLE IF NOT EXISTS quota (
  key TEXT PRIMARY KEY NOT NULL,
  full_unix_nano INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0)
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
  business_unit TEXT NOT NULL DEFAULT '',
  project TEXT NOT NULL DEFAULT '',
  application TEXT NOT NULL DEFAULT '',
  environment TEXT NOT NULL DEFAULT '',
  cost_center TEXT NOT NULL DEFAULT '',
  credential_id TEXT NOT NULL DEFAULT '',
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
  flags TEXT NOT NULL DEFAULT '[]',
  usage_details TEXT NOT NULL DEFAULT '{}',
  quotas TEXT NOT NULL DEFAULT '[]',
  agent_run TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX IF NOT EXISTS hold_open ON hold (expires_unix_nano) WHERE state = 'held';
"""

# From each version to the next one.
MIGRATIONS = {
    1: """
ALTER TABLE account ADD COLUMN carried_nano INTEGER NOT NULL DEFAULT 0 CHECK (carried_nano >= 0);
ALTER TABLE account ADD COLUMN handed_over_nano INTEGER NOT NULL DEFAULT 0 CHECK (handed_over_nano >= 0);
ALTER TABLE account ADD COLUMN ends_unix_nano INTEGER;
ALTER TABLE hold ADD COLUMN business_unit TEXT NOT NULL DEFAULT '';
ALTER TABLE hold ADD COLUMN project TEXT NOT NULL DEFAULT '';
ALTER TABLE hold ADD COLUMN application TEXT NOT NULL DEFAULT '';
ALTER TABLE hold ADD COLUMN environment TEXT NOT NULL DEFAULT '';
ALTER TABLE hold ADD COLUMN cost_center TEXT NOT NULL DEFAULT '';
ALTER TABLE hold ADD COLUMN credential_id TEXT NOT NULL DEFAULT '';
ALTER TABLE hold ADD COLUMN usage_details TEXT NOT NULL DEFAULT '{}';
ALTER TABLE hold ADD COLUMN quotas TEXT NOT NULL DEFAULT '[]';
""",
    2: "ALTER TABLE hold ADD COLUMN agent_run TEXT NOT NULL DEFAULT '';",
}

INSERT_HOLD = """
INSERT INTO hold (id, state, amount_nano, currency, accounts, prices, subject, team, business_unit, project,
                  application, environment, cost_center, credential_id, agent_run, model, input_tokens_max, output_tokens_max,
                  created_unix_nano, expires_unix_nano, quotas)
VALUES (?, 'held', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"""

SELECT_AMOUNT = "SELECT amount_nano, currency FROM hold WHERE id = ?"

# Parameters: amount, the lease's id.
DRAW = """
UPDATE hold SET amount_nano = amount_nano - ?1,
                cost_nano = cost_nano - CASE state WHEN 'expired' THEN ?1 ELSE 0 END
WHERE id = ?2 AND state IN ('held', 'expired') AND amount_nano >= ?1 RETURNING state, accounts"""

_TOPPED_UP = """(SELECT coalesce(sum(amount_nano), 0) FROM top_up
  WHERE budget = ?4 AND ends_unix_nano > ?5 AND begins_unix_nano <= ?5)"""

_OTHERS = """(SELECT coalesce(sum(held_nano + posted_nano), 0) FROM account
  WHERE key IN (SELECT value FROM json_each(?6)))"""

# The one place where money is granted: test and debit are one statement. Parameters: amount, limit, key, budget, now.
TAKE = f"""
UPDATE account SET held_nano = held_nano + ?1, limit_nano = ?2
WHERE key = ?3 AND held_nano + posted_nano + handed_over_nano + ?1 <= ?2 + carried_nano + {_TOPPED_UP}"""  # noqa: S608  (constant)

# The same for rolling windows; ?6: the keys of the other buckets that count, as JSON.
TAKE_ROLLING = f"""
UPDATE account SET held_nano = held_nano + ?1, limit_nano = ?2
WHERE key = ?3 AND held_nano + posted_nano + ?1 + {_OTHERS} <= ?2 + carried_nano + {_TOPPED_UP}"""  # noqa: S608  (constant)

# What a line has left for an amount that it may hold already. Parameters as of TAKE_ROLLING.
SELECT_ROOM = f"""
SELECT ?1 + ?2 + carried_nano + {_TOPPED_UP} - held_nano - posted_nano - handed_over_nano - {_OTHERS}
FROM account WHERE key = ?3"""  # noqa: S608  (constant)

# Soft budgets only.
TAKE_ANYWAY = "UPDATE account SET held_nano = held_nano + ?, limit_nano = ? WHERE key = ?"

HAS_ACCOUNT = "SELECT 1 FROM account WHERE key = ?"

# What a period has left, held amounts taken as spent. Parameters: the most, key.
HAND_OVER = """
UPDATE account SET handed_over_nano = max(0, min(?1, limit_nano + carried_nano - posted_nano - held_nano))
WHERE key = ?2 RETURNING handed_over_nano"""

OPEN_ACCOUNT = "INSERT INTO account (key, rule, limit_nano, ends_unix_nano, carried_nano) VALUES (?, ?, ?, ?, ?)"

MOVE = "UPDATE account SET held_nano = held_nano - ?, posted_nano = posted_nano + ? WHERE key = ?"

SELECT_HOLD = """
SELECT state, amount_nano, currency, accounts, prices, cost_nano, cluster,
       input_tokens, output_tokens, cached_input_tokens, usage_is_estimated, usage_details, settled_by, flags, quotas
FROM hold WHERE id = ?"""

CLOSE_HOLD = """
UPDATE hold SET state = ?, settled_unix_nano = ?, cost_nano = ?, cluster = ?, input_tokens = ?, output_tokens = ?,
                cached_input_tokens = ?, usage_is_estimated = ?, usage_details = ?, settled_by = ?, flags = ?
WHERE id = ?"""

SELECT_EXPIRED = (
    "SELECT id FROM hold WHERE state = 'held' AND expires_unix_nano <= ? ORDER BY expires_unix_nano LIMIT ?"
)

# Test and debit of a quota in one statement. Parameters: key, now, what is used at once, what is held, room. No row comes
# back when there is no room; that there is room for the first one is the caller's to know.
TAKE_QUOTA = """
INSERT INTO quota (key, full_unix_nano, held) VALUES (?1, CASE ?3 WHEN 0 THEN 0 ELSE ?2 + ?3 END, ?4)
ON CONFLICT (key) DO UPDATE
  SET full_unix_nano = CASE ?3 WHEN 0 THEN full_unix_nano ELSE max(full_unix_nano, ?2) + ?3 END, held = held + ?4
  WHERE max(full_unix_nano - ?2, 0) + held + ?3 + ?4 <= ?5
RETURNING full_unix_nano, held"""

# Parameters: key, now, what was held, what of it was used.
SETTLE_QUOTA = """
UPDATE quota
SET full_unix_nano = CASE ?4 WHEN 0 THEN full_unix_nano ELSE max(full_unix_nano, ?2) + ?4 END, held = max(0, held - ?3)
WHERE key = ?1"""

SELECT_QUOTA = "SELECT full_unix_nano, held FROM quota WHERE key = ?"

SELECT_QUOTAS = "SELECT key, full_unix_nano, held FROM quota"

PRUNE_QUOTAS = "DELETE FROM quota WHERE held = 0 AND full_unix_nano <= ?"

SELECT_ACCOUNTS = """
SELECT key, rule, limit_nano, posted_nano, held_nano, carried_nano, ends_unix_nano FROM account ORDER BY key"""

# For readers of a file that no newer program has opened yet.
HAS_TABLE = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
SELECT_ACCOUNT_COLUMNS = "SELECT name FROM pragma_table_info('account')"

INSERT_TOP_UP = """
INSERT INTO top_up (id, budget, amount_nano, begins_unix_nano, ends_unix_nano, actor, reason)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"""

END_TOP_UP = "UPDATE top_up SET ends_unix_nano = ?1 WHERE id = ?2 AND ends_unix_nano > ?1"

SELECT_TOP_UPS = """
SELECT id, budget, amount_nano, begins_unix_nano, ends_unix_nano, actor, reason FROM top_up
WHERE ends_unix_nano > ? ORDER BY ends_unix_nano, id"""
