PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE account (
  key TEXT PRIMARY KEY NOT NULL,
  rule TEXT NOT NULL,
  limit_nano INTEGER NOT NULL,
  held_nano INTEGER NOT NULL DEFAULT 0 CHECK (held_nano >= 0),
  posted_nano INTEGER NOT NULL DEFAULT 0 CHECK (posted_nano >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO "account" VALUES('user','per-user',1000,60,187);
CREATE TABLE hold (
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
INSERT INTO "hold" VALUES('open','held',60,'EUR','["user"]','{"eu/model": [1000000, 1000000, 0, 0], "us/model": [10000000, 10000000, 0, 0]}','ada@example.com','engines','large',100,10,1700000000000000000,1700000900000000000,NULL,0,'',NULL,NULL,NULL,NULL,'','[]');
INSERT INTO "hold" VALUES('estimated','posted',60,'EUR','["user"]','{"eu/model": [1000000, 1000000, 0, 0], "us/model": [10000000, 10000000, 0, 0]}','ada@example.com','engines','large',100,10,1700000000000000000,1700000900000000000,1700000000000000000,17,'eu/model',20,5,8,1,'access_log','["usage_estimated"]');
INSERT INTO "hold" VALUES('reported','posted',600,'EUR','["user"]','{"eu/model": [1000000, 1000000, 0, 0], "us/model": [10000000, 10000000, 0, 0]}','ada@example.com','engines','large',100,10,1700000000000000000,1700000900000000000,1700000000000000000,170,'us/model',20,5,8,0,'access_log','[]');
CREATE INDEX hold_open ON hold (expires_unix_nano) WHERE state = 'held';
COMMIT;
