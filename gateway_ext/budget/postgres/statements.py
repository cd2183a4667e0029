"""Every statement that runs on the ledger's tables; the functions are made by migrations/."""

from __future__ import annotations

SCHEMA_VERSION = "ledger_2"

SELECT_VERSION = "SELECT version_num FROM alembic_version"

RESERVE = """
SELECT held, held_currency, over, quota_states
FROM reserve($1, $2, $3, $4::jsonb, $5::jsonb, $6::jsonb, $7, $8, $9, $10, $11, $12::jsonb,
             $13::jsonb)"""

DRAW = "SELECT draw($1, $2)"

# In the order of the ids, so that two settlements never wait for each other in a circle.
SELECT_HOLDS = """
SELECT id, state, amount_nano, currency, prices, cost_nano, cluster, usage, settled_by, flags, quotas
FROM hold WHERE id = ANY($1) ORDER BY id FOR UPDATE"""

CLOSE_HOLDS = "SELECT close_holds($1::jsonb, $2)"

# What another sweeper is closing at this moment is left to it.
SELECT_EXPIRED = """
SELECT id FROM hold WHERE state = 'held' AND expires_unix_nano <= $1
ORDER BY expires_unix_nano LIMIT $2 FOR UPDATE SKIP LOCKED"""

PRUNE_QUOTAS = """
WITH pruned AS (DELETE FROM quota WHERE held = 0 AND full_unix_nano <= $1 RETURNING 1) SELECT count(*) FROM pruned"""

INSERT_TOP_UP = """
INSERT INTO top_up (id, budget, amount_nano, begins_unix_nano, ends_unix_nano, actor, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING"""

END_TOP_UP = """
WITH ended AS (UPDATE top_up SET ends_unix_nano = $1 WHERE id = $2 AND ends_unix_nano > $1 RETURNING 1)
SELECT count(*) FROM ended"""

SELECT_ACCOUNTS = """
SELECT key, rule, limit_nano, posted_nano, held_nano, carried_nano, ends_unix_nano FROM account ORDER BY key"""
