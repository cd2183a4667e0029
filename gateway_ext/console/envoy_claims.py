"""Claims of a token that Envoy has verified, as it hands them to the console: a header on a socket that it alone reaches."""

from __future__ import annotations

import base64
import binascii
import json

from starlette.datastructures import Headers

from gateway_ext.console.problems import Unauthenticated
from gateway_ext.exchange import VerifiedClaims

PREFIX = "x-gateway-claims-"  # and the issuer; taken from every client before (envoy.yaml, early header scrub)
CHARACTERS_MAX = 16 * 1024


def has_claims(headers: Headers) -> bool:
    """Whether the request came with a token."""
    return any(name.startswith(PREFIX) for name in headers)


def claims_told_by_envoy(headers: Headers) -> tuple[str, VerifiedClaims]:
    """The issuer, and the claims as Envoy hands them on (`forward_payload_header`, base64url JSON). Raises Unauthenticated."""
    shown = [(name, text) for name, text in headers.items() if name.startswith(PREFIX)]
    if len(shown) != 1:  # two tokens would leave open who is asking
        raise Unauthenticated
    name, text = shown[0]
    try:
        claims = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise Unauthenticated from None
    if not isinstance(claims, dict) or len(text) > CHARACTERS_MAX:
        raise Unauthenticated
    return name.removeprefix(PREFIX), VerifiedClaims(claims)
