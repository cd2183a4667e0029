"""Where the ledger's PostgreSQL is."""

from __future__ import annotations

from gateway_ext import postgres_url


def checked(url: str) -> str:
    """`url`, if it can be used. Raises ConfigurationError, which never repeats it."""
    return postgres_url.checked(url, "ledger_url")
