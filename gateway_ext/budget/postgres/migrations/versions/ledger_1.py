"""The first tables."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "ledger_1"
down_revision = None


def upgrade() -> None:
    """Make tables and functions."""
    script = Path(__file__).parent.with_name("ledger_1.sql").read_text(encoding="utf-8")
    for statement in script.split("\n\n"):
        if not all(line.startswith("--") for line in statement.splitlines()):
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """There is no version before: books are not undone."""
    raise NotImplementedError("the ledger's first version cannot be taken back")
