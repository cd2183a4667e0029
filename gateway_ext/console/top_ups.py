"""`/top-ups`: money granted on top of budgets, to list, to grant and to end before its day.

Whose money it is stands in bodies only, because addresses end up in logs: a top-up is named by an id.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Path, Request, Response
from fastapi.responses import JSONResponse

from gateway_ext.administration import top_ups
from gateway_ext.administration.known_names import UnknownNameError
from gateway_ext.administration.top_ups import Order, TopUpInvalid, amount_nano
from gateway_ext.bootstrap.ledger import opened_ledger, opened_spending
from gateway_ext.budget.rules import TopUp
from gateway_ext.clock import SystemClock
from gateway_ext.console import routes
from gateway_ext.console.authentication import require
from gateway_ext.console.budget_shapes import TopUpPage, TopUpShown, TopUpWish, top_up_shown
from gateway_ext.console.change import Change, Changes, KeyedChanges
from gateway_ext.console.context import console_of
from gateway_ext.console.fields import Because
from gateway_ext.console.idempotency import Answer
from gateway_ext.console.pagination import PageWanted, link, page_of
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.console.problems import FieldError, Invalid, NotFound, Unavailable
from gateway_ext.errors import LedgerUnavailable
from gateway_ext.settings import Settings

PATH = f"{routes.PREFIX}/top-ups"
router = routes.router("budgets")

Reader = Annotated[Person, Depends(require(Permission.BUDGETS_READ))]
Granter = Annotated[Change, Depends(KeyedChanges(Permission.BUDGETS_TOP_UP))]
Ender = Annotated[Change, Depends(Changes(Permission.BUDGETS_TOP_UP))]
Identity = Annotated[str, Path(max_length=64, description="As lists show it.")]
_POINTERS = {"rule": "/budget", "last_day": "/until"}  # as bodies call what orders call otherwise


@router.get("/top-ups", operation_id="list_top_ups", summary="What is granted on top of budgets and has not ended")
async def list_all(request: Request, response: Response, _: Reader, asked: PageWanted) -> TopUpPage:
    page = page_of(await _lasting(console_of(request).settings), lambda each: (each.begins_unix_nano, each.id), asked)
    response.headers.update(link(PATH, dict(request.query_params), page.next))
    return TopUpPage(items=[top_up_shown(each) for each in page.items], next=page.next)


@router.get("/top-ups/{top_up}", operation_id="read_top_up", summary="A top-up that has not ended")
async def read_one(request: Request, _: Reader, top_up: Identity) -> TopUpShown:
    for each in await _lasting(console_of(request).settings):
        if each.id == top_up:
            return top_up_shown(each)
    raise NotFound


@router.post(
    "/top-ups",
    operation_id="grant_top_up",
    summary="Grant money on top of a budget, at once and on every processor, until the end of a day",
    status_code=201,
    response_model=TopUpShown,
)
async def grant(change: Granter, wish: TopUpWish) -> JSONResponse:
    return await change.once(lambda: asyncio.run(_granted(change, wish)))


@router.post(
    "/top-ups/{top_up}/ending",
    operation_id="end_top_up",
    summary="End a top-up now; what was spent of it stays spent",
    response_model=TopUpShown,
)
async def end(change: Ender, top_up: Identity, because: Because) -> JSONResponse:
    return await change.once(lambda: asyncio.run(_ended(change, top_up, because.reason)))


async def _lasting(settings: Settings) -> list[TopUp]:
    async with opened_spending(settings) as spending:
        return await spending.top_ups(SystemClock().now_unix_nano())


async def _granted(change: Change, wish: TopUpWish) -> Answer:
    settings, by = change.console.settings, change.person.actor
    async with opened_spending(settings) as spending, opened_ledger(settings) as ledger:
        try:
            amount = amount_nano(wish.amount)
            order = Order(wish.budget, wish.value, amount, wish.until, wish.reason, wish.model)
            asked = await top_ups.checked(order, change.console.policy.current(), spending, unknown=wish.unknown)
        except UnknownNameError as error:
            how = f"{error}. With 'unknown': true it is granted all the same"
            raise Invalid(errors=[FieldError("/value", how)]) from None
        except TopUpInvalid as error:
            pointer = _POINTERS.get(error.field, f"/{error.field}")
            raise Invalid(errors=[FieldError(pointer, str(error))]) from None
        except LedgerUnavailable:
            raise Unavailable from None  # nothing was done yet: it may be sent again
        granted = await top_ups.grant(settings, asked, by, ledger)
    return Answer(201, top_up_shown(granted).model_dump(mode="json"), f"{PATH}/{granted.id}")


async def _ended(change: Change, identity: str, reason: str) -> Answer:
    settings = change.console.settings
    async with opened_spending(settings) as spending, opened_ledger(settings) as ledger:
        try:
            ended = await top_ups.end(settings, identity, reason, change.person.actor, ledger, spending)
        except LedgerUnavailable:
            raise Unavailable from None
    if ended is None:
        raise NotFound
    return Answer(200, top_up_shown(ended).model_dump(mode="json"))
