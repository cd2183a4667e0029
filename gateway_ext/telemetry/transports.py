"""The two ways of OTLP to a collector: gRPC and HTTP, with the audit trail's endpoint, trust and headers."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from urllib.parse import urlsplit

import grpc
import grpc.aio
import httpx

from gateway_ext.audit.outputs.headers import Headers
from gateway_ext.audit.outputs.receiver import read_authorities, tls_context
from gateway_ext.errors import ConfigurationError
from gateway_ext.telemetry.push import NotTakenError, Signal

_TIMEOUT_SECONDS = 10.0
_REPLY_BYTES_MAX = 64 * 1024
_CHANNEL_OPTIONS = (("grpc.max_reconnect_backoff_ms", 10_000), ("grpc.max_receive_message_length", _REPLY_BYTES_MAX))
_LOGS_PATH = "/v1/logs"  # what an endpoint of the trail may end in
_ENCODING = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}


class GrpcTransport:
    """`endpoint` is http://host:port (plain text) or https://host:port (TLS). Must be made inside an event loop.

    Raises ConfigurationError when `ca_file` cannot be read.
    """

    def __init__(self, endpoint: str, ca_file: str, headers: Headers) -> None:
        url = urlsplit(endpoint)
        self._headers = headers
        if url.scheme == "https":
            authorities = read_authorities("otlp_ca_file", ca_file) if ca_file else None
            credentials = grpc.ssl_channel_credentials(authorities)
            self._channel = grpc.aio.secure_channel(url.netloc, credentials, options=_CHANNEL_OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(url.netloc, options=_CHANNEL_OPTIONS)

    async def send(self, signal: Signal, request: bytes) -> bytes:
        metadata = tuple((await _read(self._headers)).items())
        call = self._channel.unary_unary(signal.method, request_serializer=_as_it_is, response_deserializer=_as_it_is)
        try:
            return await call(request, timeout=_TIMEOUT_SECONDS, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise NotTakenError(error.code().name) from None

    async def close(self) -> None:
        await self._channel.close()


class HttpTransport:
    """`endpoint` is http://host:port[/path] or https://…; /v1/traces and /v1/metrics are below it.

    Raises ConfigurationError when `ca_file` cannot be used.
    """

    def __init__(self, endpoint: str, ca_file: str, headers: Headers) -> None:
        self._headers = headers
        self._base = endpoint.rstrip("/").removesuffix(_LOGS_PATH)
        trust = tls_context("otlp_ca_file", ca_file) if endpoint.startswith("https:") else False
        self._client = httpx.AsyncClient(verify=trust, timeout=_TIMEOUT_SECONDS, trust_env=False)

    async def send(self, signal: Signal, request: bytes) -> bytes:
        headers = {**await _read(self._headers), **_ENCODING}
        body = await asyncio.to_thread(gzip.compress, request, mtime=0)
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                return await self._post(self._base + signal.path, body, headers)
        except (httpx.HTTPError, TimeoutError) as error:
            raise NotTakenError(type(error).__name__) from None  # its text may quote the address

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        async with self._client.stream("POST", url, content=body, headers=headers) as response:
            if response.status_code != 200:
                raise NotTakenError(f"status {response.status_code}")
            reply = b""
            async for part in response.aiter_bytes(_REPLY_BYTES_MAX):
                reply += part
                if len(reply) > _REPLY_BYTES_MAX:
                    raise NotTakenError("the reply is not OTLP")
            return reply

    async def close(self) -> None:
        await self._client.aclose()


def _as_it_is(message: bytes) -> bytes:
    return message


async def _read(headers: Headers) -> Mapping[str, str]:
    try:
        return await asyncio.to_thread(headers)
    except ConfigurationError:
        raise NotTakenError("otlp_headers_file cannot be used") from None
