"""Slices of budgets that a processor reserves from without asking the ledger."""
