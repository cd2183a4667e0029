"""The pages that people need: who am I, my keys, what I have to accept. The same functions as the API beneath.

A key is shown in the answer to the form that asked for it, this once: it is in no address, and in no page that a browser
keeps.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from gateway_ext.console.answers import problem_of_validation
from gateway_ext.console.authentication import csrf_token, require, signed_in
from gateway_ext.console.change import identity_of
from gateway_ext.console.context import console_of
from gateway_ext.console.credential_shapes import CredentialShown, Rotation, Wish
from gateway_ext.console.csrf import FIELD
from gateway_ext.console.html import PageRoute, page, see_other
from gateway_ext.console.idempotency import Answer, request_key
from gateway_ext.console.minting import Desk
from gateway_ext.console.own_credentials import own, wished
from gateway_ext.console.pagination import LIMIT_MAX
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.credentials.credential import Credential, owner_of
from gateway_ext.exchange import CredentialClass

HOME = "/"
LIVE = ("active", "retiring")
ENDED_SHOWN_MAX = 20
ONCE = "once"  # of a form: sent twice by a nervous finger, it mints one key
_STYLE = (Path(__file__).parent / "static" / "console.css").read_text(encoding="utf-8")
router = APIRouter(route_class=PageRoute, include_in_schema=False)

Asking = Annotated[Person, Depends(signed_in)]
Owner = Annotated[Person, Depends(require(Permission.OWN_CREDENTIALS))]


@router.get("/static/console.css")
async def style() -> Response:
    return Response(_STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


@router.get(HOME)
async def home(request: Request, person: Asking) -> Response:
    """Who somebody is, and their keys."""
    may_mint = Permission.OWN_CREDENTIALS in person.permissions
    shown = await asyncio.to_thread(_mine, _desk(request, person)) if may_mint else []
    return page(
        "home.html",
        **_common(request, person, "home"),
        may_mint=may_mint,
        live=[each for each in shown if each.state in LIVE],
        ended=[each for each in shown if each.state not in LIVE][-ENDED_SHOWN_MAX:],
        bounds=console_of(request).policy.current().credentials.personal,
        once=secrets.token_urlsafe(),
    )


@router.post("/credentials")
async def mint(request: Request, person: Owner) -> Response:
    desk, policy = _desk(request, person), console_of(request).policy.current()
    asked = wished(_wish(await _fields(request)), person)
    return await _shown_once(request, person, lambda: desk.mint(asked, policy))


@router.post("/credentials/{credential_id}/rotation")
async def rotate(request: Request, person: Owner, credential_id: str) -> Response:
    desk, policy = _desk(request, person), console_of(request).policy.current()
    owner = owner_of(person.principal)
    return await _shown_once(
        request, person, lambda: desk.rotate(desk.get(credential_id, own(person)), Rotation(), policy, owner)
    )


@router.post("/credentials/{credential_id}/revocation")
async def revoke(request: Request, person: Owner, credential_id: str) -> Response:
    desk = _desk(request, person)
    console_of(request).rate.take(identity_of(person))
    await asyncio.to_thread(lambda: desk.revoke(desk.get(credential_id, own(person))))
    return see_other(HOME)


async def _shown_once(request: Request, person: Person, work: Any) -> Response:
    """The key that `work` mints, on a page of its own."""
    console, fields = console_of(request), await _fields(request)
    console.rate.take(identity_of(person))
    said = json.dumps(fields, sort_keys=True).encode()
    key = request_key(fields.get(ONCE, secrets.token_urlsafe()), identity_of(person), "POST", request.url.path, said)
    answer: Answer = await asyncio.to_thread(console.repeated.once, key, work)
    base_url = console.settings.gateway_url
    return page("key.html", **_common(request, person, "home"), key=answer.body, base_url=base_url)


def _mine(desk: Desk) -> list[CredentialShown]:
    mine: list[Credential] = desk.life.store.of(CredentialClass.PERSONAL, desk.person.principal.subject)
    return list(desk.all_shown(mine[-LIMIT_MAX:]))


def _desk(request: Request, person: Person) -> Desk:
    return Desk(console_of(request).settings, person, HOME)


def _wish(fields: dict[str, str]) -> Wish:
    """What a form asks for; an empty field is none. Raises Invalid."""
    given: dict[str, Any] = {name: fields[name] for name in ("name", "purpose", "budget") if fields.get(name)}
    if days := fields.get("days"):
        given["days"] = int(days) if days.isascii() and days.isdigit() and len(days) < 4 else days
    if models := fields.get("models", "").replace(",", " ").split():
        given["models"] = models
    try:
        return Wish.model_validate(given)
    except ValidationError as error:
        raise problem_of_validation([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from None


async def _fields(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: value.strip() for name, value in form.items() if isinstance(value, str) and name != FIELD}


def _common(request: Request, person: Person, here: str) -> dict[str, Any]:
    return {"person": person, "csrf_token": csrf_token(request), "here": here}
