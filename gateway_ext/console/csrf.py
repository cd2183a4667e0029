"""Proof that a change was asked for on a page of ours: a token that only the person's own browser session can know."""

from __future__ import annotations

import hashlib
import hmac

FIELD = "csrf_token"
HEADER = "x-csrf-token"


def token_of(session_secret: str) -> str:
    """The token of a session, 64 hexadecimal digits. It says nothing about the secret or about the session's digest."""
    return hashlib.sha256(f"csrf:{session_secret}".encode()).hexdigest()


def is_valid(shown: str, session_secret: str) -> bool:
    """Whether `shown` is the token of the session, compared in constant time."""
    return bool(session_secret) and hmac.compare_digest(shown.encode(), token_of(session_secret).encode())
