"""What holds for every request to the console and for every answer, before any route is looked for."""

from __future__ import annotations

import logging
import traceback
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway_ext.console.answers import problem_response
from gateway_ext.console.problems import ContentTooLarge, CrossSite, Misdirected, Problem

BODY_BYTES_MAX = 64 * 1024
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110 §9.2.1
_PORTS = {"http": 80, "https": 443}
_HSTS_SECONDS = 31_536_000
_log = logging.getLogger(__name__)

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer, unless a page says otherwise."""


class Edge:
    """Refuses requests to another name than that of `console_url`, and changes that other sites' pages ask for."""

    def __init__(self, app: ASGIApp, console_url: str) -> None:
        self._app = app
        self._url = urlsplit(console_url)
        self._headers = dict(SECURITY_HEADERS)
        if self._url.scheme == "https":
            self._headers["Strict-Transport-Security"] = f"max-age={_HSTS_SECONDS}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return
        started, received = False, 0

        async def receive_bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_BYTES_MAX:
                raise HTTPException(413)  # whatever reads a body hands this one on
            return message

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._require_here(scope)
            await self._app(scope, receive_bounded, send_guarded)
        except Problem as problem:
            await problem_response(problem)(scope, receive, send_guarded)
        except Exception as error:  # noqa: BLE001  (whatever it is: whoever asks gets an answer without it)
            # Where, and of which type: an exception's own words might carry what it failed on.
            where = traceback.extract_tb(error.__traceback__)[-1]
            _log.error("console: a request failed: %s in %s:%s", type(error).__name__, where.name, where.lineno)
            if started:
                raise ConnectionAbortedError from None
            await problem_response(Problem())(scope, receive, send_guarded)

    def _require_here(self, scope: Scope) -> None:
        """Raises Misdirected, CrossSite, ContentTooLarge."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _authority(urlsplit(f"{self._url.scheme}://{hosts[0]}")) != _authority(self._url):
            raise Misdirected(f"It is at {self._url.geturl()}, as the setting 'console_url' says.")
        origins = headers.getlist("origin")  # browsers send it with all that may change something (Fetch, §3.2)
        if scope["method"] not in _SAFE_METHODS and any(not self._is_ours(origin) for origin in origins):
            raise CrossSite
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            raise ContentTooLarge

    def _is_ours(self, origin: str) -> bool:
        other = urlsplit(origin)
        return other.scheme == self._url.scheme and _authority(other) == _authority(self._url)


def _authority(url: SplitResult) -> tuple[str, int | None]:
    """Name and port, with the port that a scheme implies. An unreadable one is nobody's."""
    try:
        return url.hostname or "", url.port or _PORTS.get(url.scheme)
    except ValueError:
        return "", None
