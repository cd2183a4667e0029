"""The page that the gateway sends people to when an agreement is missing: read, accept, withdraw."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from gateway_ext.administration import agreements
from gateway_ext.administration.agreements import Asked
from gateway_ext.consent.acceptance import State
from gateway_ext.consent.rules import Agreement, Party, PartyKind
from gateway_ext.console.authentication import csrf_token, require, signed_in
from gateway_ext.console.change import identity_of
from gateway_ext.console.context import Console, console_of
from gateway_ext.console.html import PageRoute, page, see_other
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.console.problems import Conflict, Forbidden, NotFound

PATH = "/agreements"
WITHDRAWN = "withdrawn in the console"
router = APIRouter(route_class=PageRoute, include_in_schema=False)

Asking = Annotated[Person, Depends(signed_in)]
Accepting = Annotated[Person, Depends(require(Permission.OWN_AGREEMENTS))]


@router.get(PATH)
async def show(request: Request, person: Asking) -> Response:
    """What is asked of whoever asks, or of their team."""
    asked = await asyncio.to_thread(_wanted, console_of(request), person)
    shown = [(each, each.state is State.ACCEPTED, _may_answer(person, each.agreement)) for each in asked]
    return page("agreements.html", person=person, csrf_token=csrf_token(request), here="agreements", shown=shown)


@router.post(f"{PATH}/{{name}}/acceptance")
async def accept(request: Request, person: Accepting, name: str) -> Response:
    """Of the version that the page showed: another one is to be read first."""
    version = (await request.form()).get("version")
    console, (agreement, party) = _judged(request, person, name)
    if version != agreement.version:
        raise Conflict(f"'{agreement.title}' has another version by now. Load the page again, and read that one.")
    await asyncio.to_thread(
        agreements.accept,
        console.settings,
        console.policy.current().consent,
        name,
        agreement.version,
        party,
        person.actor,
    )
    return see_other(PATH)


@router.post(f"{PATH}/{{name}}/withdrawal")
async def withdraw(request: Request, person: Accepting, name: str) -> Response:
    console, (_, party) = _judged(request, person, name)
    await asyncio.to_thread(agreements.withdraw, console.settings, name, party, person.actor, WITHDRAWN)
    return see_other(PATH)


def _judged(request: Request, person: Person, name: str) -> tuple[Console, tuple[Agreement, Party]]:
    """Raises NotFound, Forbidden, TooManyRequests."""
    console = console_of(request)
    console.rate.take(identity_of(person))
    for agreement in console.policy.current().consent.agreements:
        party = agreement.party(person.principal)
        if agreement.name == name and party is not None and agreement.may_concern(person.principal):
            if not _may_answer(person, agreement):
                raise Forbidden(Permission.AGREEMENTS_OF_TEAMS, person)
            return console, (agreement, party)
    raise NotFound


def _may_answer(person: Person, agreement: Agreement) -> bool:
    is_own = agreement.accepted_by is PartyKind.PERSON
    needed = Permission.OWN_AGREEMENTS if is_own else Permission.AGREEMENTS_OF_TEAMS
    return needed in person.permissions


def _wanted(console: Console, person: Person) -> list[Asked]:
    return agreements.wanted(console.settings, console.policy.current().consent, person.principal)
