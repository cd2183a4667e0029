"""A small HTTP/1.1 server on h11 (RFC 9112): requests are read whole, answers may be streamed with back-pressure.

A client that closes its side, wholly or in half, counts as gone: its handler is cancelled at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import h11

from gateway_ext import limits

READ_BYTES = 64 * 1024
PIPELINED_BYTES_MAX = 64 * 1024
_REASONS = {200: b"OK", 400: b"Bad Request", 413: b"Content Too Large"}


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request. Header names are in lower case; of a repeated header the values are joined by ', '."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


class Response:
    """One answer being written. Each write waits until the client has taken enough of what came before."""

    def __init__(self, http: h11.Connection, writer: asyncio.StreamWriter):
        self._http = http
        self._writer = writer

    async def send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """A whole answer."""
        await self.start(status, {**headers, "content-length": str(len(body))})
        await self.write(body)
        await self.end()

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        reason = _REASONS.get(status, b"")
        fields = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._put(h11.Response(status_code=status, headers=fields, reason=reason))

    async def write(self, data: bytes) -> None:
        await self._put(h11.Data(data=data))

    async def end(self) -> None:
        await self._put(h11.EndOfMessage())

    def cut(self) -> None:
        """Close the connection now, in the middle of whatever was sent."""
        self._writer.transport.abort()

    async def _put(self, event: h11.Response | h11.InformationalResponse | h11.Data | h11.EndOfMessage) -> None:
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()


Handler = Callable[[Request, Response], Awaitable[None]]


class HttpServer:
    """Accepts connections and gives each request to `handler`. Use as an async context manager."""

    def __init__(self, handler: Handler, host: str, port: int):
        self._handler = handler
        self._address = (host, port)
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port in use: the one asked for, or the one the system chose for 0."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> HttpServer:
        """Raises OSError when the address cannot be bound."""
        self._server = await asyncio.start_server(self._accept, *self._address)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(reader, writer)
        try:
            while (request := await connection.next_request()) is not None:
                if not await connection.answer(request, self._handler):
                    return
        except ConnectionError:
            pass  # the client left; there is nobody to tell
        except h11.RemoteProtocolError as error:
            await connection.refuse(error.error_status_hint)
        finally:
            writer.close()


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def next_request(self) -> Request | None:
        """The next request, whole; None when the client is done. Raises h11.RemoteProtocolError."""
        if self._http.our_state is h11.DONE:
            self._http.start_next_cycle()
        head: h11.Request | None = None
        body = bytearray()
        while True:
            match self._http.next_event():
                case h11.NEED_DATA:
                    await self._permit_body()
                    self._http.receive_data(await self._reader.read(READ_BYTES))
                case h11.Request() as head:
                    pass
                case h11.Data() as part:
                    body += part.data
                    if len(body) > limits.REQUEST_BODY_BYTES_MAX:
                        raise h11.RemoteProtocolError("body too large", error_status_hint=413)
                case h11.EndOfMessage():
                    assert head is not None
                    return _request(head, bytes(body))
                case _:  # ConnectionClosed, PAUSED: the connection is not used any further
                    return None

    async def _permit_body(self) -> None:
        """Clients that sent 'Expect: 100-continue' hold the body back until told to go on (RFC 9110, 10.1.1)."""
        if self._http.they_are_waiting_for_100_continue:
            self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            await self._writer.drain()

    async def answer(self, request: Request, handler: Handler) -> bool:
        """Let `handler` answer while watching for the client's leave. True when the connection may be used again."""
        loop = asyncio.get_running_loop()
        response = Response(self._http, self._writer)
        handling = loop.create_task(_call(handler, request, response))
        watching = loop.create_task(self._client_leaves())
        try:
            await asyncio.wait((handling, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            handling.cancel()
            watching.cancel()
            await asyncio.wait((handling, watching))
        if handling.cancelled():
            return False
        handling.result()
        return self._http.our_state is h11.DONE and not self._writer.is_closing()

    async def _client_leaves(self) -> None:
        """Return when the client closes. What it sends meanwhile is its next request, which waits its turn."""
        try:
            while data := await self._reader.read(READ_BYTES):
                self._http.receive_data(data)
                if len(self._http.trailing_data[0]) > PIPELINED_BYTES_MAX:
                    return
        except ConnectionError:
            return

    async def refuse(self, status: int) -> None:
        """Tell the client that its bytes are not a request we take, if an answer can still be sent."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        headers = {"connection": "close", "content-type": "text/plain"}
        try:
            await Response(self._http, self._writer).send(status, b"bad request\n", headers)
        except ConnectionError:
            return


async def _call(handler: Handler, request: Request, response: Response) -> None:
    await handler(request, response)


def _request(head: h11.Request, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for name, value in head.headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return Request(head.method.decode("ascii"), head.target.decode("latin-1"), headers, body)
