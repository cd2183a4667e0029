"""The ledger of record when it outgrows one machine: PostgreSQL 14 or newer (extra `postgres`)."""
