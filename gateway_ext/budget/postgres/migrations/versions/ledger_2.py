"""Which run of an agent a request was for."""

from __future__ import annotations

from alembic import op

from gateway_ext.budget.postgres.scripts import statements

revision = "ledger_2"
down_revision = "ledger_1"


def upgrade() -> None:
    """Add the column, and have `reserve` fill it."""
    for statement in statements(revision):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """What runs have cost would be forgotten."""
    raise NotImplementedError("the ledger's second version cannot be taken back")
