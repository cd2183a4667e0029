"""Requests that change something: who may, how often, in which form, and only once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Request
from fastapi.responses import JSONResponse

from gateway_ext.console.authentication import Requirement
from gateway_ext.console.context import Console, console_of
from gateway_ext.console.idempotency import HEADER, Answer, RequestKey, request_key
from gateway_ext.console.permissions import Permission
from gateway_ext.console.person import Person
from gateway_ext.console.problems import FieldError, Malformed, UnsupportedMediaType
from gateway_ext.dialects.strict_json import parse_object
from gateway_ext.errors import BodyInvalid

REPEATED_HEADER = "Idempotent-Replayed"
_KEY = Header(
    alias=HEADER,
    description="Of the client's choice, such as a UUID: the same request with it is done once in 24 hours.",
)


@dataclass(frozen=True, slots=True)
class Change:
    """A request that may change what it asks for. `console` is what it has at hand."""

    person: Person
    console: Console
    key: RequestKey | None

    async def once(self, work: Callable[[], Answer]) -> JSONResponse:
        """The answer of `work`, done in a thread, or of the same request before. Raises as RepeatedRequests.once."""
        answer = await self.console.change(lambda: self.console.repeated.once(self.key, work))
        headers = {"Location": answer.location} if answer.location else {}
        if answer.is_repeated:
            headers[REPEATED_HEADER] = "true"
        return JSONResponse(answer.body, answer.status, headers)


@dataclass(frozen=True, slots=True)
class Changes:
    """A dependency: a Change by somebody who has `permission`.

    Raises as authentication.Requirement; TooManyRequests, UnsupportedMediaType, Malformed.
    """

    permission: Permission

    async def __call__(self, request: Request, idempotency_key: Annotated[str | None, _KEY] = None) -> Change:
        person = await Requirement(self.permission)(request)
        console = console_of(request)
        console.rate.take(identity_of(person))
        body = await _json_body(request)
        target = f"{request.url.path}?{request.url.query}"
        key = request_key(idempotency_key, identity_of(person), request.method, target, body)
        return Change(person, console, key)


@dataclass(frozen=True, slots=True)
class KeyedChanges:
    """As Changes, of what must not be done twice: without an Idempotency-Key it is refused."""

    permission: Permission

    async def __call__(self, request: Request, idempotency_key: Annotated[str | None, _KEY] = None) -> Change:
        change = await Changes(self.permission)(request, idempotency_key)
        if change.key is None:  # looked at here, after the permission: FastAPI would complain about it before
            raise Malformed(errors=[FieldError(HEADER, "is required here")])
        return change


def identity_of(person: Person) -> str:
    """By what rates and repeated requests tell people apart."""
    return f"{person.principal.issuer}\n{person.principal.subject}"


async def _json_body(request: Request) -> bytes:
    body = await request.body()
    if not body:
        return body
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType
    try:
        parse_object(body)  # what parsers read in two ways is refused
    except BodyInvalid as error:
        raise Malformed(str(error)) from None
    return body
