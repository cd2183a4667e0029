"""Where the audit trail's search index is, and what it is made of: settings → adapters, for the control process and commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway_ext.audit.index.reading import Logs
from gateway_ext.audit.index.sqlite_index import SqliteIndex
from gateway_ext.audit.index.store import Index
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings


@asynccontextmanager
async def opened_index(settings: Settings) -> AsyncIterator[Index]:
    """The index of `settings`, open while the context lasts. Raises ConfigurationError for an address that cannot be used."""
    index: Index = SqliteIndex(settings.layout.audit_index)
    if settings.audit_index_url:
        try:
            from gateway_ext.audit.index.postgres_index import PostgresIndex  # noqa: PLC0415  (extra `postgres`)
        except ImportError:
            raise ConfigurationError("audit_index_url needs: pip install 'gateway-ext[postgres]'") from None
        index = PostgresIndex(settings.audit_index_url)
    try:
        yield index
    finally:
        await index.close()


def logs(settings: Settings) -> Logs:
    """All logs of a gateway, as they lie in spool and archive. In an index of its own they need no gateway's name."""
    origin = settings.audit_origin if settings.audit_index_url else ""
    return Logs(settings.layout.spool, settings.layout.archive, origin)
