"""The first tables."""

from __future__ import annotations

from alembic import op

from gateway_ext.budget.postgres.scripts import statements

revision = "ledger_1"
down_revision = None


def upgrade() -> None:
    """Make tables and functions."""
    for statement in statements(revision):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """There is no version before: books are not undone."""
    raise NotImplementedError("the ledger's first version cannot be taken back")
