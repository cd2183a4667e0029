"""Tokens that are worth something only together with a client certificate. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from gateway_ext.errors import CertificateMismatch
from gateway_ext.exchange import ClientCertificate

_THUMBPRINT = "x5t#S256"


def require_binding(claims: Mapping[str, Any], certificate: ClientCertificate, *, is_required: bool) -> None:
    """Raises CertificateMismatch unless `certificate` is the one that the token names, in each way that it does.

    A token names the certificate itself (`cnf` with `x5t#S256`, RFC 8705 §3.1), or a URI in it (`client_uri`), which
    outlives the certificate's renewal. One that names none is refused where a binding `is_required`. A name that is not
    text matches nothing.
    """
    confirmation = claims.get("cnf")
    named = []
    if isinstance(confirmation, Mapping) and _THUMBPRINT in confirmation:
        named.append((confirmation[_THUMBPRINT], _thumbprint(certificate)))
    if "client_uri" in claims:
        named.append((claims["client_uri"], certificate.uri))
    if any(not shown or expected != shown for expected, shown in named) or (is_required and not named):
        raise CertificateMismatch


def named_certificate(claims: Mapping[str, Any]) -> ClientCertificate:
    """A certificate that fits what the token names, as far as one can."""
    uri, confirmation = claims.get("client_uri"), claims.get("cnf")
    thumbprint = confirmation.get(_THUMBPRINT) if isinstance(confirmation, Mapping) else None
    try:
        digest = base64.urlsafe_b64decode(f"{thumbprint}=") if isinstance(thumbprint, str) else b""
    except ValueError:
        digest = b""
    return ClientCertificate(uri=uri if isinstance(uri, str) else "", sha256=digest.hex())


def _thumbprint(certificate: ClientCertificate) -> str:
    try:
        digest = bytes.fromhex(certificate.sha256)
    except ValueError:
        return ""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
