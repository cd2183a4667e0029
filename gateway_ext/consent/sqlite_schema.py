"""The agreements store's table and every statement that runs on it."""

from __future__ import annotations

SCHEMA_VERSION = 1

TABLES = """
CREATE TABLE acceptance (
  kind TEXT NOT NULL,
  party TEXT NOT NULL,
  agreement TEXT NOT NULL,
  version TEXT NOT NULL,
  is_withdrawn INTEGER NOT NULL,
  since_unix_nano INTEGER NOT NULL,
  actor TEXT NOT NULL,
  actor_issuer TEXT NOT NULL,
  reason TEXT NOT NULL,
  shown_sha256 TEXT NOT NULL,
  PRIMARY KEY (kind, party, agreement)
) STRICT, WITHOUT ROWID"""

PUT = "INSERT OR REPLACE INTO acceptance VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

DELETE_OF = "DELETE FROM acceptance WHERE kind = 'person' AND party = ?"

RENAME_ACTOR = "UPDATE acceptance SET actor = ? WHERE actor = ?"

SELECT_ACCEPTED = "SELECT agreement, version FROM acceptance WHERE kind = ? AND party = ? AND is_withdrawn = 0"

SELECT_ONE = "SELECT * FROM acceptance WHERE kind = ? AND party = ? AND agreement = ?"

# An empty condition is any. The key, in whose order this reads, is what a page goes on after.
SELECT_PAGE = """
SELECT * FROM acceptance
WHERE (kind, party, agreement) > (:after_kind, :after_party, :after_agreement)
  AND (:kind = '' OR kind = :kind) AND (:party = '' OR party = :party) AND (:agreement = '' OR agreement = :agreement)
  AND (:is_withdrawn IS NULL OR is_withdrawn = :is_withdrawn)
ORDER BY kind, party, agreement LIMIT :limit"""
