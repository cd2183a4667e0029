"""Deliver an answer at the deployment's pace and with its fault."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from gateway_ext.simulator.dialect import Stream, Whole, answer, billed_error, encode, error
from gateway_ext.simulator.faults import SLOW_TOKENS_PER_SECOND, Behaviour, Fault, malformed
from gateway_ext.simulator.flavours import Flavour, rejection, served
from gateway_ext.simulator.http import Request, Response
from gateway_ext.simulator.journal import Entry
from gateway_ext.simulator.model import InvalidRequestError

_JSON = {"content-type": "application/json"}
_EVENTS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


async def deliver(
    request: Request, response: Response, entry: Entry, endpoint: str, behaviour: Behaviour, flavour: Flavour
) -> None:
    """Answer one authorised request to a generating endpoint. Never returns for Fault.HANG: it must be cancelled."""
    match behaviour.fault:
        case Fault.TOO_MANY_REQUESTS:
            message = "Rate limit reached (simulated)."
            document = error(endpoint, 429, message, "rate_limit_error", "rate_limit_exceeded")
            return await send_json(response, entry, 429, encode(document), {"retry-after": "1"})
        case Fault.SERVER_ERROR:
            document = error(endpoint, 500, "Simulated failure.", "server_error")
            return await send_json(response, entry, 500, encode(document))
        case Fault.OVERLOADED:
            document = error(endpoint, 529, "Overloaded (simulated).", "server_error", "overloaded")
            return await send_json(response, entry, 529, encode(document))
        case Fault.RESET:
            return _cut(response, entry)
        case Fault.HANG:
            await asyncio.Event().wait()
    try:
        if behaviour.fault is Fault.BILLED_ERROR:
            document = billed_error(endpoint, request.body, entry.deployment, behaviour.kinds)
            return await send_json(response, entry, 400, encode(document))
        usual = partial(
            answer,
            endpoint,
            deployment=entry.deployment,
            with_usage=behaviour.fault is not Fault.NO_USAGE,
            token_characters=behaviour.token_characters,
            with_limit=behaviour.fault is not Fault.IGNORES_LIMIT,
            kinds=behaviour.kinds,
        )
        said = served(flavour, endpoint, request.body, usual)
    except InvalidRequestError as rejected:
        status, document = rejection(flavour, endpoint, rejected)
        return await send_json(response, entry, status, encode(document))
    if isinstance(said, Stream):
        return await _stream(response, entry, said, behaviour)
    await _pause(behaviour, said.tokens)
    return await _document(response, entry, said, behaviour.fault)


async def _document(response: Response, entry: Entry, said: Whole, fault: Fault | None) -> None:
    if fault is Fault.MALFORMED_SSE:
        return await send_json(response, entry, 200, said.body[: len(said.body) // 2])
    if fault is not Fault.HALF_STREAM:
        return await send_json(response, entry, 200, said.body)
    entry.status = 200
    await response.start(200, {**_JSON, "content-length": str(len(said.body))})
    await response.write(said.body[: len(said.body) // 2])
    return _cut(response, entry)


async def _stream(response: Response, entry: Entry, said: Stream, behaviour: Behaviour) -> None:
    frames = list(said.frames)
    if behaviour.fault is Fault.MALFORMED_SSE:
        frames = malformed(frames)
    if behaviour.fault is Fault.HALF_STREAM:
        frames = frames[: max(1, len(frames) // 2)]
    entry.status = 200
    await response.start(200, _EVENTS)
    for frame in frames:
        await response.write(frame)
        entry.frames_sent += 1
        await _pause(behaviour, tokens=1)
    if behaviour.fault is Fault.HALF_STREAM:
        return _cut(response, entry)
    return await response.end()


async def _pause(behaviour: Behaviour, tokens: int) -> None:
    speed = behaviour.tokens_per_second or (SLOW_TOKENS_PER_SECOND if behaviour.fault is Fault.SLOW else 0.0)
    await asyncio.sleep(tokens / speed if speed else 0)


async def send_json(
    response: Response, entry: Entry, status: int, body: bytes, headers: Mapping[str, str] | None = None
) -> None:
    """A whole JSON answer, noted in the journal."""
    entry.status = status
    await response.send(status, b"" if entry.method == "HEAD" else body, {**_JSON, **(headers or {})})


def _cut(response: Response, entry: Entry) -> None:
    entry.ended = "cut"
    response.cut()
