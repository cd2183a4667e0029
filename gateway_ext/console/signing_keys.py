"""`/signing-keys`: the keys that sign minted credentials, by their public halves."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from gateway_ext.administration.credentials import replace_signing_keys, rotate_signing_key, signing_keys
from gateway_ext.clock import SystemClock
from gateway_ext.console import routes
from gateway_ext.console.authentication import require
from gateway_ext.console.change import Change, KeyedChanges
from gateway_ext.console.context import console_of
from gateway_ext.console.fields import Body, Reason, Shown, moment, time_of
from gateway_ext.console.idempotency import Answer
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.credentials.credential import ISSUERS
from gateway_ext.credentials.key_set import KeySet, KeyState
from gateway_ext.credentials.rules import DAY_SECONDS
from gateway_ext.limits import NANO
from gateway_ext.settings import Settings

LEAD_SECONDS = 60  # as long as every Envoy may take to learn a new key
LEAD_SECONDS_MAX = 7 * DAY_SECONDS
router = routes.router("signing keys")

Reader = Annotated[Person, Depends(require(Permission.KEYS_READ))]
Rotator = Annotated[Change, Depends(KeyedChanges(Permission.KEYS_ROTATE))]
IssuerName = Literal["personal", "service"]


class KeyRotation(Body):
    """`compromised`: all other keys are withdrawn at once, and every credential of this issuer is refused."""

    reason: Reason
    lead_seconds: Annotated[int, Field(ge=0, le=LEAD_SECONDS_MAX)] = LEAD_SECONDS
    compromised: bool = False


class KeyShown(Shown):
    """`id` is the `kid` of the JWKS."""

    issuer: IssuerName
    id: str
    state: KeyState
    signs_from: datetime
    published_until: datetime | None


class KeysShown(Shown):
    items: list[KeyShown]


@router.get("/signing-keys", operation_id="list_signing_keys", summary="The keys that are published now")
async def list_all(request: Request, _: Reader) -> KeysShown:
    settings = console_of(request).settings

    def read() -> KeysShown:
        names = [each.name for each in ISSUERS.values() if (settings.layout.jwks / f"{each.name}.json").exists()]
        return _shown([signing_keys(settings).key_set(name, _now_unix()) for name in names])

    return await asyncio.to_thread(read)


@router.post(
    "/signing-keys/{issuer}/rotation",
    operation_id="rotate_signing_key",
    summary="Publish a new key, which takes over after the lead; or at once, if others may have the old one",
    response_model=KeysShown,
)
async def rotate(change: Rotator, issuer: IssuerName, rotation: KeyRotation) -> JSONResponse:
    return await change.once(lambda: _rotated(change.console.settings, change, issuer, rotation))


def _rotated(settings: Settings, change: Change, issuer: str, rotation: KeyRotation) -> Answer:
    by, because = change.person.actor, rotation.reason
    if rotation.compromised:
        keys = replace_signing_keys(settings, by, issuer, because)
    else:
        keys = rotate_signing_key(settings, by, issuer, rotation.lead_seconds, because)
    return Answer(200, _shown([keys]).model_dump(mode="json"))


def _shown(sets: list[KeySet]) -> KeysShown:
    now_unix = _now_unix()
    return KeysShown(
        items=[
            KeyShown.model_validate(
                {
                    "issuer": keys.name,
                    "id": key.id,
                    "state": keys.state(key, now_unix),
                    "signs_from": moment(key.signs_from_unix),
                    "published_until": time_of(key.published_until_unix or 0),
                }
            )
            for keys in sets
            for key in keys.keys
        ]
    )


def _now_unix() -> int:
    return SystemClock().now_unix_nano() // NANO
