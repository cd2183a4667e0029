"""A certificate for 127.0.0.1 and the authority that signed it, for servers of the tests' own."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from gateway_ext.local.certificates import ensure_certificates


@dataclass(frozen=True)
class Certificate:
    authority: Path
    context: ssl.SSLContext


def make_certificate(directory: Path) -> Certificate:
    ensure_certificates(directory, time.time_ns())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server.key")
    return Certificate(directory / "ca.pem", context)
