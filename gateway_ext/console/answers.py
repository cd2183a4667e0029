"""From what is raised while a request is looked at to the problem that is answered. The only place that does it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway_ext.administration.recording import record_durably
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.console import problems
from gateway_ext.console.change import identity_of
from gateway_ext.console.context import Console, console_of
from gateway_ext.console.problems import FieldError, Forbidden, Problem
from gateway_ext.credentials.rules import CredentialConflict, CredentialInvalid
from gateway_ext.errors import ConfigurationError, Refusal

_log = logging.getLogger(__name__)
_FIELDS = {"binding": "client_uri", "subject": "service"}  # as bodies of requests call what minting calls otherwise
_NAME_CHARACTERS_MAX = 64  # of a field that somebody made up
_BY_STATUS: Mapping[int, type[Problem]] = {
    each.status: each
    for each in (problems.NotFound, problems.MethodNotAllowed, problems.ContentTooLarge, problems.Malformed)
}


def problem_response(problem: Problem) -> JSONResponse:
    return JSONResponse(problem.document(), problem.status, dict(problem.headers), problems.MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Every answer that is none of an endpoint's is a problem."""

    async def on_problem(_: Request, problem: Problem) -> JSONResponse:
        return problem_response(problem)

    async def on_forbidden(request: Request, forbidden: Forbidden) -> JSONResponse:
        return problem_response(await _recorded(request, forbidden))

    async def on_refusal(_: Request, refusal: Refusal) -> JSONResponse:
        return problem_response(problem_of_refusal(refusal))

    async def on_configuration(_: Request, error: ConfigurationError) -> JSONResponse:
        return problem_response(problem_of_configuration(error))

    async def on_validation(_: Request, error: RequestValidationError) -> JSONResponse:
        return problem_response(problem_of_validation(error.errors()))

    async def on_http(_: Request, error: HTTPException) -> JSONResponse:
        found = problem_response(_BY_STATUS.get(error.status_code, Problem)())
        found.headers.update({} if error.headers is None else error.headers)  # Allow
        return found

    handlers: Mapping[type[Exception], Any] = {
        Problem: on_problem,
        Forbidden: on_forbidden,
        Refusal: on_refusal,
        ConfigurationError: on_configuration,
        RequestValidationError: on_validation,
        HTTPException: on_http,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def problem_of_configuration(error: ConfigurationError) -> Problem:
    """Only what was made for whoever asks is told to them: other messages name paths, for operators at the machine."""
    match error:
        case CredentialInvalid():
            return problems.Invalid(errors=[FieldError(f"/{_FIELDS.get(error.field, error.field)}", error.problem)])
        case CredentialConflict():
            return problems.Conflict(str(error))
    _log.error("console: a request could not be done: %s", error.diagnostics())
    return problems.Unavailable()


def problem_of_refusal(refusal: Refusal) -> Problem:
    """Of somebody whom the gateway does not let in, here or anywhere."""
    return problems.Unauthenticated(str(refusal)) if refusal.http_status in (401, 403) else problems.Unavailable()


def problem_of_validation(errors: Iterable[Mapping[str, Any]]) -> Problem:
    """Which fields are wrong and how they have to be; never what was in them."""
    found = list(errors)
    if any(each["type"] == "json_invalid" for each in found):
        return problems.Malformed("The body is not JSON (RFC 8259).")
    fields = [FieldError(_pointer(each["loc"]), str(each["msg"])) for each in found]
    if all(each["loc"][0] == "header" for each in found):
        return problems.Malformed(errors=fields)
    return problems.Invalid(errors=fields)


def _pointer(location: tuple[str | int, ...]) -> str:
    where, *path = location
    names = [str(name)[:_NAME_CHARACTERS_MAX].replace("~", "~0").replace("/", "~1") for name in path]
    return "".join(f"/{name}" for name in names) if where == "body" else "/".join(names)


async def _recorded(request: Request, forbidden: Forbidden) -> Problem:
    """The problem, once it is recorded who tried what. Somebody who goes on trying is answered, but not recorded."""
    console: Console = console_of(request)
    try:
        console.rate.take(identity_of(forbidden.person))
        await console.change(lambda: record_durably(console.settings, _denied(request, forbidden)))
    except problems.TooManyRequests as problem:
        return problem
    except ConfigurationError as error:
        _log.error("console: a denied request is not recorded: %s", error.diagnostics())
    return forbidden


def _denied(request: Request, forbidden: Forbidden) -> OrderRecord:
    by = forbidden.person.actor
    asked = f"{request.method} {getattr(request.scope.get('route'), 'path', '')}"  # the template: no values
    return OrderRecord(
        EventName.CONSOLE_DENIED, "permission", forbidden.permission, "", by.name, by.user, asked, 0, by.issuer
    )
