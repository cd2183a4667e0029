"""The standing store's tables and every statement that runs on them."""

from __future__ import annotations

SCHEMA_VERSION = 1

TABLES = """
CREATE TABLE directive (
  measure TEXT NOT NULL,
  scope TEXT NOT NULL,
  value TEXT NOT NULL,
  issuer TEXT NOT NULL,
  actor TEXT NOT NULL,
  reason TEXT NOT NULL,
  since_unix_nano INTEGER NOT NULL,
  expires_unix_nano INTEGER NOT NULL,
  PRIMARY KEY (measure, scope, value, issuer)
) STRICT, WITHOUT ROWID;
"""

SELECT_ALL = """
SELECT measure, scope, value, issuer, actor, reason, since_unix_nano, expires_unix_nano
FROM directive ORDER BY since_unix_nano, measure, scope, value, issuer"""

COUNT = "SELECT count(*) FROM directive"

DELETE_OVER = "DELETE FROM directive WHERE expires_unix_nano > 0 AND expires_unix_nano < ?"

RENAME_ACTOR = "UPDATE directive SET actor = ? WHERE actor = ?"

DELETE = "DELETE FROM directive WHERE measure = ? AND scope = ? AND value = ? AND issuer = ?"

# Given again, an order is renewed. A revocation never comes to end sooner than was said before.
PUT = """
INSERT INTO directive (measure, scope, value, issuer, actor, reason, since_unix_nano, expires_unix_nano)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (measure, scope, value, issuer) DO UPDATE SET
  actor = excluded.actor, reason = excluded.reason, since_unix_nano = excluded.since_unix_nano,
  expires_unix_nano = CASE WHEN expires_unix_nano = 0 OR excluded.expires_unix_nano = 0 THEN 0
                           ELSE max(expires_unix_nano, excluded.expires_unix_nano) END"""
