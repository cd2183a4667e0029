"""The leave that a copied request carries: what was decided about the copy when the request itself was decided.

The copy comes back to the gateway by a listener of Envoy's own, maybe to another processor, which must not take anybody's word:
so the leave is sealed (HMAC-SHA-256, RFC 2104) by the processor that decided, for this body and this policy, for seconds.
It names no person, and holds nothing of the content but its hash.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
from dataclasses import dataclass

from gateway_ext.errors import ShadowUnproven

_SEPARATOR = "."


@dataclass(frozen=True, slots=True)
class Leave:
    """A copy of `shadow_of`, for `cluster` of virtual model `model`; its request was for virtual model `asked`.

    `written` is the wire format of the body, `endpoint` the one that the caller asked; both as paths. `is_named`: the body's
    fields are called as that deployment calls them. The last five say who pays.
    """

    id: str
    shadow_of: str
    policy_digest: str
    cluster: str
    model: str
    asked: str
    endpoint: str
    written: str
    is_named: bool
    is_stream: bool
    input_tokens_max: int
    output_tokens_max: int
    body_sha256: str
    expires_unix_seconds: int
    team: str = ""
    project: str = ""
    application: str = ""
    environment: str = ""
    cost_center: str = ""


def shadow_key(machine_key: bytes) -> bytes:
    """The key that seals, derived from the machine's own: all its processors have it."""
    return hmac.digest(machine_key, b"gateway_ext.shadow", hashlib.sha256)


def body_sha256(body: bytes) -> str:
    """What a leave says about the body it is for."""
    return hashlib.sha256(body).hexdigest()


def sealed(leave: Leave, key: bytes) -> str:
    """The leave as the value of a header field: base64url of its JSON and of the seal."""
    payload = json.dumps(dataclasses.astuple(leave), separators=(",", ":")).encode()
    return _encoded(payload) + _SEPARATOR + _encoded(hmac.digest(key, payload, hashlib.sha256))


def opened(value: str, key: bytes, now_unix_seconds: int) -> Leave:
    """The inverse of `sealed`. Raises ShadowUnproven for anything that was not sealed with `key`, or is over."""
    payload_text, _, seal_text = value.partition(_SEPARATOR)
    try:
        payload, seal = _decoded(payload_text), _decoded(seal_text)
    except ValueError:
        raise ShadowUnproven from None
    if not hmac.compare_digest(seal, hmac.digest(key, payload, hashlib.sha256)):
        raise ShadowUnproven
    leave = Leave(*json.loads(payload))  # by us: its shape is right
    if leave.expires_unix_seconds < now_unix_seconds:
        raise ShadowUnproven
    return leave


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
