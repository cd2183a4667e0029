"""The table of minted credentials and every statement that runs on it. No column holds a credential or a part of one."""

from __future__ import annotations

_VERSION_1 = """
CREATE TABLE credential (
  id TEXT PRIMARY KEY NOT NULL,
  class TEXT NOT NULL CHECK (class IN ('personal', 'service')),
  name TEXT NOT NULL,
  purpose TEXT NOT NULL,
  subject TEXT NOT NULL,
  owner TEXT NOT NULL,
  created_unix INTEGER NOT NULL,
  expires_unix INTEGER NOT NULL CHECK (expires_unix > created_unix),
  models TEXT,
  binding TEXT NOT NULL,
  rotated_unix INTEGER NOT NULL DEFAULT 0,
  successor TEXT NOT NULL DEFAULT '',
  revoke_at_unix INTEGER NOT NULL DEFAULT 0,
  revoked_unix INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID"""

_VERSION_2 = "ALTER TABLE credential ADD COLUMN budget TEXT"  # JSON of a CredentialBudget

_VERSION_3 = "CREATE INDEX credential_of ON credential (class, subject, created_unix, id)"

_VERSION_4 = "CREATE INDEX credential_by_age ON credential (created_unix, id)"

# Few are rotated at a time, and they are asked for every few seconds.
_VERSION_5 = """
CREATE INDEX credential_retiring ON credential (revoke_at_unix) WHERE revoke_at_unix <> 0 AND revoked_unix = 0"""

STEPS = {0: _VERSION_1, 1: _VERSION_2, 2: _VERSION_3, 3: _VERSION_4, 4: _VERSION_5}
"""From each version to the next. A new store takes all of them."""

SCHEMA_VERSION = len(STEPS)

COLUMNS = (
    "id, class, name, purpose, subject, owner, created_unix, expires_unix, models, binding, rotated_unix, successor,"
    " revoke_at_unix, revoked_unix, budget"
)

INSERT = f"INSERT INTO credential ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  (constant)

SELECT_ALL = f"SELECT {COLUMNS} FROM credential ORDER BY created_unix, id"  # noqa: S608  (constant)

SELECT_OF = f"SELECT {COLUMNS} FROM credential WHERE class = ? AND subject = ? ORDER BY created_unix, id"  # noqa: S608  (constant)

SELECT_ONE = f"SELECT {COLUMNS} FROM credential WHERE id = ?"  # noqa: S608  (constant)

# Those of Credential.state `retiring` whose time has come.
SELECT_DUE = f"""
SELECT {COLUMNS} FROM credential
WHERE revoke_at_unix <> 0 AND revoked_unix = 0 AND revoke_at_unix <= :now_unix AND expires_unix > :now_unix
ORDER BY revoke_at_unix"""  # noqa: S608  (constant)

# The state is that of Credential.state.
SELECT_PAGE = f"""
SELECT {COLUMNS} FROM credential
WHERE (created_unix, id) > (:created_unix, :id)
  AND (:class IS NULL OR class = :class)
  AND (:subject IS NULL OR subject = :subject)
  AND (:state IS NULL OR :state = CASE
    WHEN revoked_unix <> 0 THEN 'revoked'
    WHEN expires_unix <= :now_unix THEN 'expired'
    WHEN revoke_at_unix <> 0 THEN 'retiring'
    ELSE 'active' END)
ORDER BY created_unix, id LIMIT :limit"""  # noqa: S608  (constant)

# One that is about to end does not count: rotating must be possible at the limit.
COUNT_LIVE = """
SELECT count(*) FROM credential
WHERE class = ? AND subject = ? AND expires_unix > ? AND revoked_unix = 0 AND revoke_at_unix = 0"""

# Only one that is neither revoked nor rotated has a successor: of two rotations at a time the second changes nothing.
RETIRE = """
UPDATE credential SET successor = ?, rotated_unix = ?, revoke_at_unix = ?
WHERE id = ? AND successor = '' AND revoked_unix = 0"""

DELETE_OF = "DELETE FROM credential WHERE subject = ?"

REVOKE = "UPDATE credential SET revoked_unix = ? WHERE id = ? AND revoked_unix = 0"
