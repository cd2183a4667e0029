"""Operators' orders: `/orders` lists what is in force; `/stops`, `/disablings` and `/revocations` give and end them.

What an order is about is in bodies only, because addresses end up in logs: an order is named by an id.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Path, Request, Response
from fastapi.responses import JSONResponse

from gateway_ext.administration import orders
from gateway_ext.administration.known_names import UnknownNameError, require_known
from gateway_ext.clock import SystemClock
from gateway_ext.console import routes
from gateway_ext.console.authentication import require
from gateway_ext.console.change import Change, Changes
from gateway_ext.console.context import console_of
from gateway_ext.console.fields import Because
from gateway_ext.console.idempotency import Answer
from gateway_ext.console.order_shapes import (
    Disabling,
    OrderPage,
    OrderShown,
    Revocation,
    Stop,
    order_id,
    order_shown,
)
from gateway_ext.console.pagination import PageWanted, link, page_of
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.console.problems import FieldError, Invalid, NotFound
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO
from gateway_ext.routing.rules import RoutingRules
from gateway_ext.settings import Settings
from gateway_ext.standing.directives import Directive, Measure, Scope, Target

PATH = f"{routes.PREFIX}/orders"
router = routes.router("orders")

Reader = Annotated[Person, Depends(require(Permission.ORDERS_READ))]
Stopper = Annotated[Change, Depends(Changes(Permission.ORDERS_STOP))]
Disabler = Annotated[Change, Depends(Changes(Permission.PEOPLE_DISABLE))]
Revoker = Annotated[Change, Depends(Changes(Permission.CREDENTIALS_REVOKE))]
Identity = Annotated[str, Path(max_length=64, description="As lists show it.")]


@router.get("/orders", operation_id="list_orders", summary="What is revoked, disabled and stopped, oldest first")
async def list_all(
    request: Request, response: Response, _: Reader, asked: PageWanted, measure: Measure | None = None
) -> OrderPage:
    found = await asyncio.to_thread(orders.in_force, console_of(request).settings)
    wanted = [each for each in found if measure in (None, each.target.measure)]
    page = page_of(wanted, lambda each: (each.since_unix_nano, order_id(each.target)), asked)
    response.headers.update(link(PATH, dict(request.query_params), page.next))
    return OrderPage(items=[order_shown(each) for each in page.items], next=page.next)


@router.get("/orders/{order}", operation_id="read_order", summary="An order in force")
async def read_one(request: Request, _: Reader, order: Identity) -> OrderShown:
    return order_shown(await asyncio.to_thread(_find, console_of(request).settings, order))


@router.post(
    "/stops",
    operation_id="stop",
    summary="Refuse what goes to, or comes from, what is named, on every processor within a second",
    status_code=201,
    response_model=OrderShown,
)
async def stop(change: Stopper, body: Stop) -> JSONResponse:
    target = stop_target(body, change.console.policy.current().routing)
    return await change.once(lambda: _given(change, target, body.reason))


@router.post(
    "/disablings",
    operation_id="disable",
    summary="Refuse a person, whatever credential they come with",
    status_code=201,
    response_model=OrderShown,
)
async def disable(change: Disabler, body: Disabling) -> JSONResponse:
    target = _target(Measure.DISABLED, Scope.PERSON, body.subject, body.issuer, pointer="/subject")
    return await change.once(lambda: _given(change, target, body.reason))


@router.post(
    "/revocations",
    operation_id="revoke",
    summary="Refuse any credential by its id, also one that the identity provider has made (its jti)",
    status_code=201,
    response_model=OrderShown,
)
async def revoke(change: Revoker, body: Revocation) -> JSONResponse:
    target = _target(Measure.REVOKED, Scope.CREDENTIAL, body.credential_id, pointer="/credential_id")
    expires_unix = 0 if body.expires is None else int(body.expires.timestamp())
    if body.expires is not None and expires_unix * NANO <= SystemClock().now_unix_nano():
        raise Invalid(errors=[FieldError("/expires", "is over: an expired credential needs no revocation")])
    return await change.once(lambda: _given(change, target, body.reason, expires_unix * NANO))


@router.post("/stops/{order}/ending", operation_id="resume", summary="Undo a stop", response_model=OrderShown)
async def resume(change: Stopper, order: Identity, because: Because) -> JSONResponse:
    return await change.once(lambda: _ended(change, order, Measure.STOPPED, because.reason))


@router.post("/disablings/{order}/ending", operation_id="enable", summary="Let a person in", response_model=OrderShown)
async def enable(change: Disabler, order: Identity, because: Because) -> JSONResponse:
    return await change.once(lambda: _ended(change, order, Measure.DISABLED, because.reason))


@router.post(
    "/revocations/{order}/ending", operation_id="restore", summary="Undo a revocation", response_model=OrderShown
)
async def restore(change: Revoker, order: Identity, because: Because) -> JSONResponse:
    return await change.once(lambda: _ended(change, order, Measure.REVOKED, because.reason))


def stop_target(stop: Stop, routing: RoutingRules) -> Target:
    """What is to be stopped. Raises Invalid, also for a name that policy does not know unless it is meant."""
    value = stop.value.upper() if stop.scope is Scope.JURISDICTION else stop.value
    target = _target(Measure.STOPPED, stop.scope, value, pointer="/value")
    if not stop.unknown:
        try:
            require_known(target, routing)
        except UnknownNameError as error:
            how = f"{error}. With 'unknown': true it is stopped all the same"
            raise Invalid(errors=[FieldError("/value", how)]) from None
    return target


def _target(measure: Measure, scope: Scope, value: str, issuer: str = "", *, pointer: str) -> Target:
    try:
        return Target(measure, scope, value, issuer)
    except ConfigurationError as error:
        raise Invalid(errors=[FieldError(pointer, str(error))]) from None


def _given(change: Change, target: Target, reason: str, expires_unix_nano: int = 0) -> Answer:
    order = orders.give(change.console.settings, target, change.person.actor, reason, expires_unix_nano)
    return Answer(201, order_shown(order).model_dump(mode="json"), f"{PATH}/{order_id(target)}")


def _ended(change: Change, identity: str, measure: Measure, reason: str) -> Answer:
    order = ended(change.console.settings, change.person, identity, measure, reason)
    return Answer(200, order_shown(order).model_dump(mode="json"))


def ended(settings: Settings, person: Person, identity: str, measure: Measure, reason: str) -> Directive:
    """Have an order no longer in force. Raises NotFound, ConfigurationError."""
    order = _find(settings, identity)
    if order.target.measure is not measure or not orders.undo(settings, order.target, person.actor, reason):
        raise NotFound
    return order


def _find(settings: Settings, identity: str) -> Directive:
    """Raises NotFound."""
    for each in orders.in_force(settings):
        if order_id(each.target) == identity:
            return each
    raise NotFound
