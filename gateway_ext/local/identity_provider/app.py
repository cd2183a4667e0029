"""The HTTP side of the local identity provider. Whoever logs in gives their password each time: there are no sessions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway_ext.limits import NANO
from gateway_ext.local.identity_provider.page import headers, login_page, message_page
from gateway_ext.local.identity_provider.people import LocalPerson, find
from gateway_ext.local.identity_provider.protocol import ISSUER, SCOPES, Answer, Client, ProtocolRequest, Server
from gateway_ext.local.identity_provider.throttle import Throttle
from gateway_ext.local.issuer import LocalIssuer

if TYPE_CHECKING:
    from gateway_ext.ports import Clock  # which brings all that a request meets

FORM_BYTES_MAX = 16 * 1024
OWN_NAMES = ["127.0.0.1", "localhost"]  # by any other name a page from elsewhere has brought the browser here


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """What it is made of. `url` is its own address, `console_url` the one of its only client."""

    url: str
    console_url: str
    client_id: str
    issuer: LocalIssuer = field(repr=False)
    key_set: Callable[[], Mapping[str, Any]]
    people: tuple[LocalPerson, ...] = field(repr=False)
    clock: Clock

    @property
    def metadata(self) -> dict[str, Any]:
        """OpenID Connect Discovery 1.0 §3."""
        return {
            "issuer": ISSUER,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks.json",
            "end_session_endpoint": f"{self.url}/end-session",
            "scopes_supported": SCOPES,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "claims_supported": ["sub", "name", "preferred_username", "email", "team", "cost_center", "groups"],
        }


def application(provider: IdentityProvider) -> Starlette:
    """Serves it."""
    handlers = _Handlers(provider)
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", handlers.metadata),
            Route("/jwks.json", handlers.keys),
            Route("/authorize", handlers.ask),
            Route("/authorize", handlers.log_in, methods=["POST"]),
            Route("/token", handlers.token, methods=["POST"]),
            Route("/userinfo", handlers.userinfo),
            Route("/end-session", handlers.end_session),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=OWN_NAMES, www_redirect=False)],
    )


class _Handlers:
    def __init__(self, provider: IdentityProvider) -> None:
        self._provider = provider
        client = Client(provider.client_id, f"{provider.console_url}/login/callback")
        self._server = Server(client, provider.issuer, provider.clock)
        self._throttle = Throttle(frozenset(each.name for each in provider.people))
        self._page_headers = headers(provider.console_url)

    def _now_seconds(self) -> float:
        return self._provider.clock.monotonic_ns() / NANO

    async def metadata(self, _: Request) -> Response:
        return JSONResponse(self._provider.metadata)

    async def keys(self, _: Request) -> Response:
        return JSONResponse(self._provider.key_set())

    async def ask(self, request: Request) -> Response:
        """The login form, if the client may ask for a login at all."""
        asked = ProtocolRequest("GET", str(request.url))
        try:
            self._grant(asked)
        except OAuth2Error as error:
            return self._refused(asked, error)
        return self._page(200, login_page())

    async def log_in(self, request: Request) -> Response:
        """The form comes back: to the client with a code, or the form again."""
        asked = ProtocolRequest("GET", str(request.url))
        form = dict(parse_qsl(await _form(request)))
        name, password = form.get("name", "").strip(), form.get("password", "")
        try:
            grant = self._grant(asked)
        except OAuth2Error as error:
            return self._refused(asked, error)
        if wait_seconds := math.ceil(self._throttle.wait_seconds(name, self._now_seconds())):
            alert = f"Too many wrong passwords. Try again in {wait_seconds} s."
            return self._page(429, login_page(name, alert), {"retry-after": str(wait_seconds)})
        person = find(self._provider.people, name, password)
        if person is None:
            self._throttle.failed(name, self._now_seconds())
            return self._page(401, login_page(name, "Name or password is wrong."))
        self._throttle.succeeded(name)
        return _response(self._server.create_authorization_response(asked, grant_user=person, grant=grant))

    async def token(self, request: Request) -> Response:
        asked = ProtocolRequest("POST", str(request.url), await _form(request))
        return _response(self._server.create_token_response(asked))

    async def userinfo(self, request: Request) -> Response:
        """What the ID token says of somebody (OpenID Connect Core 1.0 §5.3)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        person = self._server.owners.get(token) if scheme.lower() == "bearer" else None
        if person is None:
            return Response(status_code=401, headers={"www-authenticate": 'Bearer error="invalid_token"'})
        return JSONResponse({"sub": person.subject, **person.claims}, headers={"cache-control": "no-store"})

    async def end_session(self, request: Request) -> Response:
        """There is none to end: back to the client (OpenID Connect RP-Initiated Logout 1.0 §3), and nowhere else."""
        target = request.query_params.get("post_logout_redirect_uri", "")
        if target.removesuffix("/") == self._provider.console_url:
            return RedirectResponse(target, status_code=303)
        return self._page(200, message_page("Logged out", "This identity provider keeps no sessions."))

    def _grant(self, asked: ProtocolRequest) -> Any:
        """Raises OAuth2Error."""
        try:
            return self._server.get_consent_grant(asked)
        except ValueError:  # Authlib would repeat to the client what cannot be repeated
            raise InvalidRequestError from None

    def _refused(self, asked: ProtocolRequest, error: OAuth2Error) -> Response:
        """Back to the client, if it is known to be the one; else a page, so that nobody is sent anywhere."""
        answer: Answer = self._server.handle_error_response(asked, error)
        if answer.location:
            return _response(answer)
        text = f"The application asks for a login in a way that is not accepted ({error.error})."
        return self._page(400, message_page("Not accepted", text))

    def _page(self, status: int, html: str, more: Mapping[str, str] | None = None) -> Response:
        return HTMLResponse(html, status, headers={**self._page_headers, **(more or {})})


def _response(answer: Answer) -> Response:
    no_store = {"cache-control": "no-store", "pragma": "no-cache"}
    if answer.location:
        return RedirectResponse(answer.location, status_code=303, headers=no_store)
    return JSONResponse(answer.body, answer.status, headers=no_store)


async def _form(request: Request) -> str:
    """The body, up to FORM_BYTES_MAX; beyond it nothing, which no form fits."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_BYTES_MAX:
            return ""
    return body.decode(errors="replace")
