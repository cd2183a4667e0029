"""By what a token names the client certificate that it is bound to."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from gateway_ext.credentials.signing import base64url
from gateway_ext.errors import ConfigurationError


def thumbprint(path: Path) -> str:
    """x5t#S256 of RFC 8705 §3.1: of the first certificate in a PEM file. Raises ConfigurationError."""
    try:
        return thumbprint_of(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be read as a PEM certificate ({type(error).__name__})") from error


def thumbprint_of(pem: bytes) -> str:
    """As `thumbprint`, of the first certificate in `pem`. Raises ValueError."""
    return base64url(x509.load_pem_x509_certificate(pem).fingerprint(hashes.SHA256()))
