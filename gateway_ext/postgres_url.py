"""Where a PostgreSQL is. Its password is never in an address that ends up in files, lists of processes and errors."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from gateway_ext.errors import ConfigurationError


def checked(url: str, setting: str) -> str:
    """`url`, if it can be used. Raises ConfigurationError, which names the setting and never repeats its value."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigurationError(f"{setting} is not of the form postgresql://user@host/database") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ConfigurationError(f"{setting} is not of the form postgresql://user@host/database")
    if parts.password is not None or any(name == "password" for name, _ in parse_qsl(parts.query)):
        raise ConfigurationError(
            f"{setting} holds a password; put it into a file of mode 0600 that PGPASSFILE names (host:port:database:user:password)"
        )
    return url
