-- The ledger's tables as the first version made them, with one account and two holds.
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

INSERT INTO account VALUES ('EUR/2026-11/per-user/user/ada', 'per-user', 1000, 60, 40);

INSERT INTO hold (id, state, amount_nano, currency, accounts, prices, subject, team, model, input_tokens_max,
                  output_tokens_max, created_unix_nano, expires_unix_nano)
VALUES ('h1', 'held', 60, 'EUR', '["EUR/2026-11/per-user/user/ada"]', '{"eu/model": [1000000, 1000000, 0, 0]}', 'ada',
        'engines', 'large', 100, 10, 1700000000000000000, 1700000900000000000);

INSERT INTO hold (id, state, amount_nano, currency, accounts, prices, subject, team, model, input_tokens_max,
                  output_tokens_max, created_unix_nano, expires_unix_nano, settled_unix_nano, cost_nano, cluster,
                  input_tokens, output_tokens, cached_input_tokens, usage_is_estimated, settled_by, flags)
VALUES ('h0', 'posted', 50, 'EUR', '["EUR/2026-11/per-user/user/ada"]', '{"eu/model": [1000000, 1000000, 0, 0]}', 'ada',
        'engines', 'large', 100, 10, 1700000000000000000, 1700000900000000000, 1700000000000000001, 40, 'eu/model', 30, 10, 0,
        0, 'access_log', '[]');

PRAGMA user_version = 1;
