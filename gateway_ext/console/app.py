"""The console as one ASGI application: its API, people's logins, the pages that they need."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from gateway_ext.clock import SystemClock
from gateway_ext.console import (
    agreement_pages,
    agreements,
    budgets,
    credentials,
    login,
    me,
    orders,
    own_budgets,
    own_credentials,
    pages,
    signing_keys,
    stop_pages,
    top_ups,
)
from gateway_ext.console.answers import add_handlers
from gateway_ext.console.authentication import Gatekeeper
from gateway_ext.console.context import Console
from gateway_ext.console.description import DESCRIPTION, SUMMARY, TITLE, VERSION, described
from gateway_ext.console.edge import Edge
from gateway_ext.console.idempotency import RepeatedRequests
from gateway_ext.console.rate import ChangeRate
from gateway_ext.console.sessions import Sessions
from gateway_ext.console.store import ConsoleStore
from gateway_ext.limits import NANO
from gateway_ext.ports import PolicySource, StandingSource
from gateway_ext.settings import Settings

API = (
    me.router,
    own_credentials.router,
    own_budgets.router,
    credentials.router,
    signing_keys.router,
    orders.router,
    budgets.router,
    top_ups.router,
    agreements.router,
)
PAGES = (login.router, pages.router, agreement_pages.router, stop_pages.router)
_NO_TELEMETRY: Any = dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False)


def application(settings: Settings, policy: PolicySource, standing: StandingSource) -> FastAPI:
    """Policy and orders are asked for each request: a change of roles, or of who is disabled, counts at once."""
    clock = SystemClock()
    store = ConsoleStore(settings.layout.console)
    app = _routed(Middleware(Edge, console_url=settings.console_url))
    app.state.gatekeeper = Gatekeeper(settings, policy, standing, Sessions(store, clock.now_unix_nano))
    repeated = RepeatedRequests(store, lambda: clock.now_unix_nano() // NANO)
    app.state.console = Console(settings, policy, repeated, ChangeRate(clock.monotonic_ns))
    return app


def openapi() -> dict[str, Any]:
    """The API's OpenAPI 3.1 document."""
    return _routed().openapi()


def _routed(*middleware: Middleware) -> FastAPI:
    app = FastAPI(
        title=TITLE,
        summary=SUMMARY,
        description=DESCRIPTION,
        version=VERSION,
        openapi_url="/api/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        lifespan=login.served_logins,
        middleware=middleware,
    )
    add_handlers(app)
    for router in (*API, *PAGES):
        app.include_router(router)
    plain = app.openapi
    app.openapi = lambda: described(plain())  # type: ignore[method-assign]  # as FastAPI documents it
    return app
