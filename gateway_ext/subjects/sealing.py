"""What a record says of a person beyond the pseudonym, sealed under the person's key: AES-256-GCM (NIST SP 800-38D).

The key destroyed, nobody can open it any more, and no byte of the record has changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway_ext.subjects.subject import Subject

NONCE_BYTES = 12


def sealed_details(subject: Subject, email: str, credential_id: str) -> bytes:
    """What a decision record keeps of its caller beyond the pseudonym."""
    return seal(subject, {"subject": subject.name, "email": email, "credential_id": credential_id})


def seal(subject: Subject, fields: Mapping[str, str]) -> bytes:
    """Nonce (12 random bytes), ciphertext of the fields as JSON, tag (16 bytes); bound to the pseudonym."""
    nonce = os.urandom(NONCE_BYTES)
    plain = json.dumps(fields, separators=(",", ":")).encode()
    return nonce + AESGCM(subject.key).encrypt(nonce, plain, subject.pseudonym.encode())


def opened(subject: Subject, sealed: bytes) -> dict[str, str]:
    """The fields. Raises ValueError for what was not sealed for this subject, or has been changed since."""
    try:
        plain = AESGCM(subject.key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], subject.pseudonym.encode())
    except (InvalidTag, ValueError):
        raise ValueError("not sealed for this subject") from None
    fields: dict[str, str] = json.loads(plain)
    return fields
