"""Where a receiver is, and whom to believe there."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from gateway_ext.errors import ConfigurationError


def parsed_address(setting: str, url: str) -> SplitResult:
    """The parts of a URL whose host and port can be used. Raises ConfigurationError naming the setting, without the URL."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")  # as it is looked up
    except ValueError:
        raise ConfigurationError(f"{setting}: host or port cannot be used") from None
    return parts


def read_authorities(setting: str, ca_file: str) -> bytes:
    """The authorities' certificates in PEM. Raises ConfigurationError naming the setting."""
    try:
        return Path(ca_file).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{setting} {ca_file}: cannot be read ({error.strerror})") from error


def tls_context(setting: str, ca_file: str) -> ssl.SSLContext:
    """TLS 1.2 or later to a server whose name an authority vouches for: one of `ca_file`, or of the machine's own (""). Raises
    ConfigurationError naming the setting."""
    authorities = read_authorities(setting, ca_file).decode("ascii", "replace") if ca_file else None
    try:
        context = ssl.create_default_context(cadata=authorities)
    except ssl.SSLError as error:
        raise ConfigurationError(f"{setting} {ca_file}: holds no certificates in PEM") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
