"""The simulated provider as a server: which deployment, is the key right, which fault, then the answer."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway_ext.simulator.delivery import deliver, send_json
from gateway_ext.simulator.dialect import ANTHROPICS, MODELS, POSTED, encode, error, models
from gateway_ext.simulator.faults import (
    Behaviour,
    Behaviours,
    InvalidControlError,
)
from gateway_ext.simulator.flavours import Flavour
from gateway_ext.simulator.http import HttpServer, Request, Response
from gateway_ext.simulator.journal import Entry, Journal

ANY_DEPLOYMENT = "*"
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """`api_keys` maps a deployment, or '*', to the key it wants; None = no key is wanted. Keys stay out of repr.

    `flavours`: deployments that differ on the wire as some server does.
    """

    host: str = "127.0.0.1"
    port: int = 0
    api_keys: Mapping[str, str] | None = field(default=None, repr=False)
    flavours: Mapping[str, Flavour] = field(default_factory=dict)
    keeps_bodies: bool = False
    tokens_per_second: float = 0.0


class Simulator:
    """Serves any path /<deployment>/v1/…; answers name the deployment in `system_fingerprint` where the dialect has it."""

    def __init__(self, options: SimulatorOptions):
        self._options = options
        self._journal = Journal(options.keeps_bodies)
        self._behaviours = Behaviours(Behaviour(tokens_per_second=options.tokens_per_second))
        self._server = HttpServer(self._handle, options.host, options.port)

    @property
    def port(self) -> int:
        return self._server.port

    async def __aenter__(self) -> Simulator:
        """Raises OSError when the port cannot be bound."""
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._server.__aexit__(*exc)

    async def _handle(self, request: Request, response: Response) -> None:
        if request.path == "/_control" or request.path.startswith("/_control/"):
            await self._control(request, response)
            return
        deployment, endpoint = _place(request.path)
        entry = self._journal.open(deployment, request.method, request.path, request.headers, request.body)
        try:
            await self._serve(request, response, entry, endpoint)
        except (asyncio.CancelledError, ConnectionError):
            self._journal.close(entry, "client_gone")
            raise
        self._journal.close(entry, "cut" if entry.ended == "cut" else "complete")

    async def _serve(self, request: Request, response: Response, entry: Entry, endpoint: str) -> None:
        refused = self._refused(request, entry.deployment, endpoint)
        if refused is not None:
            status, document = refused
            return await send_json(response, entry, status, encode(document))
        if request.method == "GET":
            return await _models(response, entry, endpoint)
        behaviour = self._behaviours.take(entry.deployment)
        entry.fault = behaviour.fault
        return await deliver(request, response, entry, endpoint, behaviour, self._flavour(entry.deployment))

    def _refused(self, request: Request, deployment: str, endpoint: str) -> tuple[int, dict[str, object]] | None:
        """Why this request gets no answer, whatever is in it."""

        def refusal(status: int, message: str, code: str | None = None) -> tuple[int, dict[str, object]]:
            return status, error(endpoint, status, message, "invalid_request_error", code)

        if not self._is_authorized(deployment, endpoint, request.headers):
            return refusal(401, "Incorrect API key provided.", "invalid_api_key")
        if request.method == "GET" and endpoint.startswith("/v1/models"):
            return None
        if endpoint not in POSTED:
            return refusal(404, "No such endpoint.")
        if request.method != "POST":
            return refusal(405, "Use POST.")
        if endpoint in ANTHROPICS and "anthropic-version" not in request.headers:
            return refusal(400, "anthropic-version: header is required")
        return None

    def _is_authorized(self, deployment: str, endpoint: str, headers: Mapping[str, str]) -> bool:
        keys = self._options.api_keys
        if keys is None:
            return True
        wanted = keys.get(deployment, keys.get(ANY_DEPLOYMENT))
        if wanted is None:
            return False
        if endpoint in ANTHROPICS and "x-api-key" in headers:  # compatible servers take a bearer token there, too
            return hmac.compare_digest(wanted.encode(), headers.get("x-api-key", "").encode())
        header = self._flavour(deployment).wire.key_header
        prefix = "Bearer " if header == "authorization" else ""
        return not header or hmac.compare_digest(f"{prefix}{wanted}".encode(), headers.get(header, "").encode())

    def _flavour(self, deployment: str) -> Flavour:
        return self._options.flavours.get(deployment, Flavour.OPENAI)

    async def _control(self, request: Request, response: Response) -> None:
        match request.method, request.path:
            case "POST", "/_control":
                status, document = self._set_behaviour(request)
            case "GET", "/_control":
                names = sorted(self._journal.requests)
                status, document = 200, {"deployments": {name: self._counts(name) for name in names}}
            case "GET", "/_control/log":
                status, document = 200, {"requests": [entry.as_document() for entry in self._journal.entries]}
            case "DELETE", "/_control/log":
                self._journal.entries.clear()
                status, document = 200, {"requests": []}
            case _:
                message = "Use POST /_control, GET /_control, GET /_control/log or DELETE /_control/log."
                status, document = 404, _control_error(404, message)
        await response.send(status, encode(document), _JSON)

    def _set_behaviour(self, request: Request) -> tuple[int, dict[str, object]]:
        # The type check keeps web pages out: a browser does not send JSON across origins without asking first.
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return 415, _control_error(415, "Send 'Content-Type: application/json'.")
        try:
            self._behaviours.apply(json.loads(request.body))
        except (ValueError, RecursionError):
            return 400, _control_error(400, "The body is not valid JSON.")
        except InvalidControlError as rejected:
            return 400, _control_error(400, f"{rejected}.")
        return 200, {"ok": True}

    def _counts(self, deployment: str) -> dict[str, object]:
        behaviour = self._behaviours.of(deployment)
        return {
            "requests": self._journal.requests[deployment],
            "client_disconnects": self._journal.disconnects[deployment],
            "fault": behaviour.fault,
            "count": behaviour.remaining,
            "tokens_per_second": behaviour.tokens_per_second,
        }


def _control_error(status: int, message: str) -> dict[str, object]:
    return error("/_control", status, message, "control")


def _place(path: str) -> tuple[str, str]:
    """Deployment and endpoint: /us/v1/models → ('us', '/v1/models'); without a prefix the deployment is 'default'."""
    prefix, mark, rest = path.partition("/v1/")
    return prefix.strip("/").partition("/")[0] or "default", mark + rest


async def _models(response: Response, entry: Entry, endpoint: str) -> None:
    listing = models(entry.deployment)
    if endpoint == "/v1/models":
        return await send_json(response, entry, 200, encode(listing))
    name = endpoint.removeprefix("/v1/models/")
    if name not in MODELS:
        document = error(endpoint, 404, "No such model.", "invalid_request_error")
        return await send_json(response, entry, 404, encode(document))
    return await send_json(response, entry, 200, encode(listing["data"][MODELS.index(name)]))
