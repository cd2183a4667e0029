"""`/me/agreements`: what is asked of whoever asks; `/teams/…/agreements`: of teams; `/acceptances`: who has accepted what."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from gateway_ext.administration import agreements
from gateway_ext.consent.acceptance import Key as AcceptanceKey
from gateway_ext.consent.acceptance import key_of
from gateway_ext.consent.rules import Agreement, ConsentRules, Party, PartyKind
from gateway_ext.consent.sqlite_store import Wanted as WantedAcceptances
from gateway_ext.console import routes
from gateway_ext.console.agreement_shapes import (
    AcceptancePage,
    AcceptanceShown,
    AgreementsShown,
    Version,
    acceptance_shown,
    agreement_shown,
)
from gateway_ext.console.authentication import require
from gateway_ext.console.change import Change, Changes
from gateway_ext.console.context import console_of
from gateway_ext.console.fields import Because
from gateway_ext.console.idempotency import Answer
from gateway_ext.console.pagination import Key, PageWanted, link, no_cursor, write_cursor
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.console.problems import Conflict, FieldError, Invalid, NotFound
from gateway_ext.errors import ConfigurationError

PATH = f"{routes.PREFIX}/acceptances"
router = routes.router("agreements")

Reader = Annotated[Person, Depends(require(Permission.AGREEMENTS_READ))]
OwnReader = Annotated[Person, Depends(require(Permission.OWN_AGREEMENTS))]
OwnWriter = Annotated[Change, Depends(Changes(Permission.OWN_AGREEMENTS))]
TeamWriter = Annotated[Change, Depends(Changes(Permission.AGREEMENTS_OF_TEAMS))]
Name = Annotated[str, Path(max_length=256, description="As agreements.yaml calls it.")]
Team = Annotated[str, Path(max_length=256)]


@router.get("/me/agreements", operation_id="list_my_agreements", summary="What I, or my team, have to accept")
async def list_own(request: Request, person: OwnReader) -> AgreementsShown:
    console = console_of(request)
    rules = console.policy.current().consent
    found = await asyncio.to_thread(agreements.wanted, console.settings, rules, person.principal)
    return AgreementsShown(items=[agreement_shown(each) for each in found])


@router.post(
    "/me/agreements/{agreement}/acceptance",
    operation_id="accept_my_agreement",
    summary="Accept an agreement for myself, in the version in force",
    response_model=AcceptanceShown,
)
async def accept_own(change: OwnWriter, agreement: Name, body: Version) -> JSONResponse:
    return await change.once(lambda: _accepted(change, agreement, body.version, _me(change)))


@router.post(
    "/me/agreements/{agreement}/withdrawal",
    operation_id="withdraw_my_agreement",
    summary="Withdraw what I have accepted",
    response_model=AcceptanceShown,
)
async def withdraw_own(change: OwnWriter, agreement: Name, because: Because) -> JSONResponse:
    return await change.once(lambda: _withdrawn(change, agreement, because.reason, _me(change)))


@router.post(
    "/teams/{team}/agreements/{agreement}/acceptance",
    operation_id="accept_team_agreement",
    summary="Accept an agreement for a team, in the version in force",
    response_model=AcceptanceShown,
)
async def accept_for_team(change: TeamWriter, team: Team, agreement: Name, body: Version) -> JSONResponse:
    party = _team(team)
    return await change.once(lambda: _accepted(change, agreement, body.version, party))


@router.post(
    "/teams/{team}/agreements/{agreement}/withdrawal",
    operation_id="withdraw_team_agreement",
    summary="Withdraw what was accepted for a team",
    response_model=AcceptanceShown,
)
async def withdraw_for_team(change: TeamWriter, team: Team, agreement: Name, because: Because) -> JSONResponse:
    party = _team(team)
    return await change.once(lambda: _withdrawn(change, agreement, because.reason, party))


@router.get("/acceptances", operation_id="list_acceptances", summary="Who has accepted or withdrawn what")
async def list_all(
    request: Request,
    response: Response,
    _: Reader,
    asked: PageWanted,
    agreement: Annotated[str, Query(max_length=256)] = "",
    kind: PartyKind | None = None,
    party: Annotated[str, Query(max_length=256)] = "",
    withdrawn: bool | None = None,
) -> AcceptancePage:
    settings, which = console_of(request).settings, WantedAcceptances(agreement, kind, party, withdrawn)
    found = await asyncio.to_thread(agreements.acceptances, settings, which, _after(asked.after), asked.limit + 1)
    shown = found[: asked.limit]
    cursor = write_cursor(key_of(shown[-1])) if len(found) > len(shown) else None
    response.headers.update(link(PATH, dict(request.query_params), cursor))
    return AcceptancePage(items=[acceptance_shown(each) for each in shown], next=cursor)


def _me(change: Change) -> Party:
    return Party(PartyKind.PERSON, change.person.principal.subject)


def _team(name: str) -> Party:
    try:
        return Party(PartyKind.TEAM, name)
    except ConfigurationError as error:
        raise Invalid(errors=[FieldError("team", str(error))]) from None


def _accepted(change: Change, name: str, version: str, party: Party) -> Answer:
    console = change.console
    rules = console.policy.current().consent
    agreement = _known(rules, name, party.kind)
    if version != agreement.version:
        raise Conflict(f"Version {agreement.version} is in force; read that one.")
    found = agreements.accept(console.settings, rules, name, version, party, change.person.actor)
    return Answer(200, acceptance_shown(found).model_dump(mode="json"))


def _withdrawn(change: Change, name: str, reason: str, party: Party) -> Answer:
    found = agreements.withdraw(change.console.settings, name, party, change.person.actor, reason)
    if found is None:
        raise NotFound
    return Answer(200, acceptance_shown(found).model_dump(mode="json"))


def _known(rules: ConsentRules, name: str, kind: PartyKind) -> Agreement:
    """Raises NotFound, also for one that is accepted by the other kind of party."""
    for each in rules.agreements:
        if (each.name, each.accepted_by) == (name, kind):
            return each
    raise NotFound


def _after(key: Key | None) -> AcceptanceKey | None:
    """Of a cursor. Raises Invalid for one of another list."""
    match key:
        case None:
            return None
        case (str(kind), str(name), str(agreement)):
            return kind, name, agreement
    raise no_cursor()
