"""Logging in and out, as a browser does it. What it takes to be logged in is in relying_party.py."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Request, Response

from gateway_ext.clock import SystemClock
from gateway_ext.console import oidc
from gateway_ext.console.authentication import Gatekeeper, gatekeeper_of, require_csrf, session_secret
from gateway_ext.console.html import LOGIN, PageRoute, page, see_other
from gateway_ext.console.login_state import LoginsUnderWay
from gateway_ext.console.oidc import AnswerRefused
from gateway_ext.console.problems import Problem
from gateway_ext.console.providers import ProviderUnavailable, opened_providers
from gateway_ext.console.relying_party import CALLBACK, LoginRefused, RelyingParty, local_path
from gateway_ext.errors import ConfigurationError, GatewayError, Refusal, StandingUnavailable
from gateway_ext.limits import LOGIN_SECONDS_MAX, SESSION_SECONDS_MAX

SWEEP_SECONDS = 5.0
_STATE_CHARACTERS = 8  # in the name of a cookie: each of several logins at a time has its own
_log = logging.getLogger(__name__)
router = APIRouter(route_class=PageRoute, include_in_schema=False)


@asynccontextmanager
async def served_logins(app: FastAPI) -> AsyncIterator[None]:
    """What logins need while `app` (with a gatekeeper) is served; sessions of those who may not stay are ended meanwhile."""
    gatekeeper: Gatekeeper = app.state.gatekeeper
    clock = SystemClock()
    async with opened_providers(gatekeeper.settings.layout.logins, clock.monotonic_ns) as providers:
        under_way = LoginsUnderWay(gatekeeper.sessions.store, clock.now_unix_nano)
        app.state.relying_party = RelyingParty(gatekeeper, providers, under_way)
        async with asyncio.TaskGroup() as tasks:
            sweep = tasks.create_task(_sweep(gatekeeper), name="console-sessions")
            try:
                yield
            finally:
                sweep.cancel()


@router.get(LOGIN)
async def choose(request: Request, next: str = "/") -> Response:
    """Where to log in: the one provider, or the choice."""
    logins = sorted(gatekeeper_of(request).policy.current().identity.logins)
    if len(logins) == 1:
        return await begin(request, logins[0], next)
    return page("login.html", logins=logins, next=local_path(next), person=None, csrf_token="")


@router.get(CALLBACK)
async def complete(request: Request) -> Response:
    """Back from the provider."""
    gatekeeper, answer = gatekeeper_of(request), dict(request.query_params)
    cookie = _login_cookie(gatekeeper, answer.get("state", ""))
    with _refusals_logged():
        if len(request.query_params.multi_items()) != len(answer):
            raise LoginRefused("The identity provider's answer says something twice.")
        logged_in = await _party(request).complete(answer, request.cookies.get(cookie, ""))
    await _end_session(request, "logged in anew")  # the browser may have had one that somebody else gave it
    response = see_other(logged_in.next)
    _set_cookie(gatekeeper, response, gatekeeper.session_cookie, logged_in.secret, SESSION_SECONDS_MAX)
    _delete_cookie(gatekeeper, response, cookie)
    return response


@router.get(f"{LOGIN}/{{name}}")
async def begin(request: Request, name: str, next: str = "/") -> Response:
    """Off to the provider."""
    gatekeeper = gatekeeper_of(request)
    with _refusals_logged():
        url, begun = await _party(request).begin(name, next)
    response = see_other(url)
    _set_cookie(gatekeeper, response, _login_cookie(gatekeeper, begun.state), begun.browser, LOGIN_SECONDS_MAX)
    return response


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """The session ends here; the page offers to end the one at the provider, too."""
    gatekeeper = gatekeeper_of(request)
    await require_csrf(request)
    issuer = await _end_session(request, "logged out")
    response = page("logged_out.html", issuer=issuer, url=await _end_url(request, issuer), person=None, csrf_token="")
    _delete_cookie(gatekeeper, response, gatekeeper.session_cookie)
    return response


async def _end_session(request: Request, reason: str) -> str:
    """End the browser's session, if it has one. The issuer that had vouched for it, or ""."""
    gatekeeper, secret = gatekeeper_of(request), session_secret(request)
    session = await asyncio.to_thread(gatekeeper.sessions.find, secret) if secret else None
    if session is None:
        return ""
    await asyncio.to_thread(gatekeeper.end, session, reason)
    return session.issuer


async def _end_url(request: Request, issuer: str) -> str:
    gatekeeper = gatekeeper_of(request)
    login = gatekeeper.policy.current().identity.logins.get(issuer)
    if login is None:
        return ""
    try:
        metadata = await _party(request).providers.metadata(login)
    except (ProviderUnavailable, AnswerRefused):  # the session here has ended all the same
        return ""
    return oidc.end_session_url(metadata, login, f"{gatekeeper.settings.console_url}/")


async def _sweep(gatekeeper: Gatekeeper) -> None:
    """As soon as an order is given, and every few seconds."""
    while True:
        changed = gatekeeper.standing.changed()
        try:
            with contextlib.suppress(StandingUnavailable):
                await gatekeeper.sweep()
        except ConfigurationError as error:
            _log.error("sessions of the console cannot be swept: %s", error.diagnostics())
        await asyncio.wait([changed], timeout=SWEEP_SECONDS)


def _party(request: Request) -> RelyingParty:
    party: RelyingParty = request.app.state.relying_party
    return party


@contextlib.contextmanager
def _refusals_logged() -> Iterator[None]:
    try:
        yield
    except GatewayError as error:
        _log.warning("a login to the console was refused: %s", _reason(error))
        raise


def _reason(error: GatewayError) -> str:
    """A constant word: an answer's own words might carry what came with it."""
    if isinstance(error, AnswerRefused):
        return error.reason
    return error.code if isinstance(error, Problem | Refusal) else type(error).__name__


def _login_cookie(gatekeeper: Gatekeeper, state: str) -> str:
    mark = "".join(each for each in state[:_STATE_CHARACTERS] if each.isascii() and each.isalnum())
    return f"{gatekeeper.cookie_prefix}gateway-login-{mark}"


def _set_cookie(gatekeeper: Gatekeeper, response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=gatekeeper.is_encrypted, httponly=True, samesite="lax"
    )


def _delete_cookie(gatekeeper: Gatekeeper, response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=gatekeeper.is_encrypted, httponly=True, samesite="lax")
