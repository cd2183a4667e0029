"""The kill switch as a page: what is stopped, stop something, resume it. The same functions as the API beneath."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ValidationError

from gateway_ext.administration import orders
from gateway_ext.console.answers import problem_of_validation
from gateway_ext.console.authentication import csrf_token, require
from gateway_ext.console.change import identity_of
from gateway_ext.console.context import Console, console_of
from gateway_ext.console.fields import Because
from gateway_ext.console.html import PageRoute, page, see_other
from gateway_ext.console.order_shapes import Stop, order_shown
from gateway_ext.console.orders import ended, stop_target
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.standing.directives import Measure, Scope

PATH = "/stops"
router = APIRouter(route_class=PageRoute, include_in_schema=False)

Reading = Annotated[Person, Depends(require(Permission.ORDERS_READ))]
Stopping = Annotated[Person, Depends(require(Permission.ORDERS_STOP))]


@router.get(PATH)
async def show(request: Request, person: Reading) -> Response:
    """What is stopped, latest first."""
    found = await asyncio.to_thread(orders.in_force, console_of(request).settings)
    stopped = [order_shown(each) for each in reversed(found) if each.target.measure is Measure.STOPPED]
    may_stop = Permission.ORDERS_STOP in person.permissions
    return page(
        "stops.html",
        person=person,
        csrf_token=csrf_token(request),
        here="stops",
        stopped=stopped,
        may_stop=may_stop,
        scopes=[str(scope) for scope in Scope],
    )


@router.post(PATH)
async def stop(request: Request, person: Stopping) -> Response:
    """Raises Invalid, TooManyRequests."""
    console = _taking(request, person)
    form = await request.form()
    try:
        said = Stop.model_validate({name: form.get(name, "") for name in ("scope", "value", "reason")})
    except ValidationError as error:
        raise problem_of_validation([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from None
    target = stop_target(said, console.policy.current().routing)
    await console.change(lambda: orders.give(console.settings, target, person.actor, said.reason))
    return see_other(PATH)


@router.post(f"{PATH}/{{order}}/ending")
async def resume(request: Request, person: Stopping, order: str) -> Response:
    """Raises Invalid, NotFound, TooManyRequests."""
    console = _taking(request, person)
    form = await request.form()
    try:
        because = Because.model_validate({"reason": form.get("reason", "")})
    except ValidationError as error:
        raise problem_of_validation([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from None
    await console.change(lambda: ended(console.settings, person, order, Measure.STOPPED, because.reason))
    return see_other(PATH)


def _taking(request: Request, person: Person) -> Console:
    console = console_of(request)
    console.rate.take(identity_of(person))
    return console
