"""Pages as they are sent: rendered here, without scripts, and with nothing that is fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway_ext.console import problems
from gateway_ext.console.answers import problem_of_configuration, problem_of_refusal
from gateway_ext.console.oidc import AnswerRefused
from gateway_ext.console.problems import Problem
from gateway_ext.console.providers import ProviderUnavailable
from gateway_ext.console.relying_party import LoginRefused, LoginUnknown
from gateway_ext.errors import ConfigurationError, GatewayError, Refusal

LOGIN = "/login"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not 'no-referrer': browsers then hide from us, too, where a form comes from (Fetch, 'Origin' of a request).
    "Referrer-Policy": "same-origin",
}
_STATUS: dict[type[GatewayError], int] = {
    LoginUnknown: 400,
    LoginRefused: 403,
    AnswerRefused: 502,
    ProviderUnavailable: 503,
}
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """All `values` are escaped."""
    return HTMLResponse(_templates.get_template(template).render(**values), status, HEADERS)


def see_other(path: str) -> RedirectResponse:
    """To a page of ours; the browser asks for it with GET."""
    return RedirectResponse(path, 303, HEADERS)


class PageRoute(APIRoute):
    """What is raised becomes a page; nobody signed in, the way to the login."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except problems.Unauthenticated as problem:
                return _refused(problem) if problem.detail else _to_login(request)
            except problems.Forbidden:  # no page of ours leads there: recorded as for the API (answers.py)
                raise
            except GatewayError as error:
                return _refused(error)

        return answer


def _to_login(request: Request) -> Response:
    here = request.url.path
    # A form may lead to our own pages only (form-action), and a login leads away; one that fails must not begin anew.
    if request.method != "GET" or here.startswith(LOGIN):
        return _refused(problems.Unauthenticated("Your session has ended, so nothing was changed. Log in again."))
    return see_other(LOGIN if here == "/" else f"{LOGIN}?next={quote(here, safe='/')}")


def _refused(error: GatewayError) -> Response:
    status, words = _answer(error)
    return page("refused.html", status, code=status, words=words, person=None, csrf_token="")


def _answer(error: GatewayError) -> tuple[int, str]:
    """Status and words for whoever asks: no paths, nothing that came with the request."""
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return status, str(error)
    if isinstance(error, ConfigurationError):
        error = problem_of_configuration(error)
    if isinstance(error, Refusal):
        if error.http_status < 500:
            return error.http_status, str(error)
        error = problem_of_refusal(error)
    assert isinstance(error, Problem)
    details = " ".join(f"{each.pointer.strip('/').replace('_', ' ')}: {each.detail}" for each in error.errors)
    return error.status, details or str(error)
