"""HTTP/2 (RFC 9113) at both ends of the gateway, framed at will: what ordinary clients and servers cannot say."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress

import h2.config
import h2.connection
import h2.events

Fields = list[tuple[str, str]]
_AS_GIVEN = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)


class Http2Client:
    """One connection over TLS for one chat completion. `tls` trusts localhost."""

    def __init__(self, port: int, tls: ssl.SSLContext, token: str) -> None:
        tls.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("localhost", port), timeout=10)
        self._socket = tls.wrap_socket(plain, server_hostname="localhost")
        self._http = h2.connection.H2Connection(_AS_GIVEN)
        self._http.initiate_connection()
        self._token = token

    def __enter__(self) -> Http2Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def post(self, body: bytes, fields: Fields = [], trailers: Fields = []) -> str:  # noqa: B006  (never changed)
        """The status of the answer, or 'reset'. `fields` come after those of a good request."""
        head = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "localhost"),
            (":path", "/v1/chat/completions"),
            ("authorization", f"Bearer {self._token}"),
            ("content-type", "application/json"),
            *fields,
        ]
        self._http.send_headers(1, head)
        self._http.send_data(1, body, end_stream=not trailers)
        if trailers:
            self._http.send_headers(1, trailers, end_stream=True)
        self._socket.sendall(self._http.data_to_send())
        while received := self._socket.recv(65536):
            for event in self._http.receive_data(received):
                if isinstance(event, h2.events.ResponseReceived):
                    return dict(event.headers)[b":status"].decode()
                if isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    return "reset"
        return "reset"


class Http2Provider:
    """Answers every request with {}, and keeps its headers, body and trailers."""

    def __init__(self) -> None:
        self.port = 0
        self.headers: list[dict[str, str]] = []
        self.trailers: list[dict[str, str]] = []
        self.body = b""
        self._server: asyncio.Server | None = None

    async def start(self, tls: ssl.SSLContext) -> None:
        tls.set_alpn_protocols(["h2"])
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        http.initiate_connection()
        with suppress(ConnectionError):
            writer.write(http.data_to_send())
            while received := await reader.read(65536):
                for event in http.receive_data(received):
                    self._take(event, http)
                writer.write(http.data_to_send())
        writer.close()

    def _take(self, event: h2.events.Event, http: h2.connection.H2Connection) -> None:
        match event:
            case h2.events.RequestReceived(headers=headers):
                self.headers.append({name.decode(): value.decode() for name, value in headers})
            case h2.events.DataReceived(data=data):
                self.body += data
            case h2.events.TrailersReceived(headers=headers):
                self.trailers.append({name.decode(): value.decode() for name, value in headers})
            case h2.events.StreamEnded(stream_id=stream):
                http.send_headers(stream, [(":status", "200"), ("content-type", "application/json")])
                http.send_data(stream, b"{}", end_stream=True)
