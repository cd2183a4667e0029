"""Alerts as signed JSON over HTTPS, by the Standard Webhooks specification 1.0 (symmetric signatures, `v1`)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import httpx

from gateway_ext.alerts.alert import Alert, document
from gateway_ext.alerts.delivery import Undelivered
from gateway_ext.alerts.rules import Webhook
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO
from gateway_ext.private_files import read_private

KEY_PREFIX = "whsec_"
KEY_BYTES_MIN = 24
SECONDS = 10.0  # of each step


class Clock(Protocol):
    def now_unix_nano(self) -> int: ...


class WebhookOutlet:
    """One channel. Its key, which is read for each message, lies in a file of mode 0600."""

    def __init__(self, channel: Webhook, key_file: Path, clock: Clock | None = None) -> None:
        self._channel = channel
        self._key_file = key_file
        self._clock = clock or SystemClock()

    async def send(self, alerts: Sequence[Alert]) -> None:
        """Any status of 2xx is the receiver's word that it has them. Redirects are not followed."""
        key = await asyncio.to_thread(read_key, self._key_file)
        trust = await asyncio.to_thread(trust_anchors, self._channel.ca_file)
        body = json.dumps(document(alerts)).encode()
        now_seconds = self._clock.now_unix_nano() // NANO
        headers = {"content-type": "application/json", **signed(key, message_id(alerts), now_seconds, body)}
        try:
            # Nothing of the environment counts: no proxy, no .netrc.
            async with (
                httpx.AsyncClient(verify=trust, timeout=SECONDS, trust_env=False) as client,
                client.stream("POST", self._channel.url, content=body, headers=headers) as response,
            ):
                status = response.status_code
        except httpx.HTTPError as error:
            raise Undelivered(type(error).__name__) from None  # its text may quote the address
        if not 200 <= status < 300:
            raise Undelivered(f"status {status}")

    def close(self) -> None:
        """Nothing is kept open."""


def signed(key: bytes, identity: str, unix_seconds: int, body: bytes) -> Mapping[str, str]:
    """The header fields by which a receiver knows who sent it, that it is whole, and that it is not an old one."""
    signature = hmac.digest(key, f"{identity}.{unix_seconds}.".encode() + body, "sha256")
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(unix_seconds),
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def message_id(alerts: Sequence[Alert]) -> str:
    """The same for the same alerts, so that a repeated message is known as one."""
    return f"msg_{hashlib.sha256(' '.join(alert.id for alert in alerts).encode()).hexdigest()[:32]}"


def read_key(path: Path) -> bytes:
    """The key in a file: base64, with or without `whsec_`. Raises ConfigurationError, which never repeats it."""
    try:
        text = read_private(path).decode("ascii").strip().removeprefix(KEY_PREFIX)
        key = base64.b64decode(text, validate=True)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the webhook's key cannot be read ({error.strerror}); make one: (umask 077; openssl rand -base64 32 >"
            f" {path})"
        ) from None
    except (UnicodeDecodeError, binascii.Error):
        raise ConfigurationError(f"{path}: is not base64; make a key with 'openssl rand -base64 32'") from None
    if len(key) < KEY_BYTES_MIN:
        raise ConfigurationError(f"{path}: the key is shorter than {KEY_BYTES_MIN} bytes; 'openssl rand -base64 32'")
    return key


def trust_anchors(ca_file: str) -> ssl.SSLContext:
    """Those in a PEM file, else the system's. Raises ConfigurationError."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:  # an SSLError is one, too
        raise ConfigurationError(f"{ca_file}: cannot be read as PEM ({type(error).__name__})") from None
