"""Audit events to an OTLP/HTTP collector: protobuf in gzip, below /v1/logs (OTLP specification 1.9, "OTLP/HTTP")."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime

import httpx
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from gateway_ext.audit.delivery import Answer, Delivery
from gateway_ext.audit.encoding import Event
from gateway_ext.audit.outputs.headers import Headers, no_headers
from gateway_ext.audit.outputs.otlp import EXPORT_TIMEOUT_SECONDS, judge, to_request
from gateway_ext.audit.outputs.receiver import parsed_address, tls_context
from gateway_ext.errors import ConfigurationError

_PATH = "/v1/logs"
_MEDIA_TYPE = "application/x-protobuf"
_REPLY_BYTES_MAX = 64 * 1024
_GZIP_LEVEL = 1  # a batch is of much the same text: level 9 saves a quarter of what is left, for three times the work
_TRANSIENT = frozenset({429, 502, 503, 504})  # "Retryable Response Codes"; of no other status the same is sent again


class OtlpHttpExporter:
    """`endpoint` is http://host:port[/path] or https://…; what is sent goes to /v1/logs below it.

    `ca_file` holds the trust anchors for TLS in PEM; empty means those of the machine. Raises ConfigurationError when
    endpoint, file or headers are unusable.
    """

    def __init__(self, endpoint: str, ca_file: str = "", headers: Headers = no_headers):
        url = parsed_address("otlp_endpoint", endpoint)
        if url.scheme not in ("http", "https") or not url.netloc or "@" in url.netloc or url.query or url.fragment:
            raise ConfigurationError("otlp_endpoint: expected http://host:port or https://host:port, without a login")
        if url.scheme == "http" and ca_file:
            raise ConfigurationError("otlp_ca_file is set but otlp_endpoint is not https://")
        headers()
        self._headers = headers
        self._url = endpoint.rstrip("/").removesuffix(_PATH) + _PATH
        trust = tls_context("otlp_ca_file", ca_file) if url.scheme == "https" else False
        # Nothing of the environment counts: no proxy, no .netrc.
        self._client = httpx.AsyncClient(verify=trust, timeout=EXPORT_TIMEOUT_SECONDS, trust_env=False)

    async def export(self, events: Sequence[Event]) -> Delivery:
        try:
            body, headers = await asyncio.to_thread(lambda: (_body(events), self._headers()))
            async with asyncio.timeout(EXPORT_TIMEOUT_SECONDS):
                return await self._post(body, headers, len(events))
        except ConfigurationError:
            return Delivery(Answer.UNREACHABLE, "otlp_headers_file cannot be used")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return Delivery(Answer.UNREACHABLE, type(error).__name__)  # its text may quote the address

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, body: bytes, headers: Mapping[str, str], sent: int) -> Delivery:
        headers = {**headers, "content-type": _MEDIA_TYPE, "content-encoding": "gzip"}
        async with self._client.stream("POST", self._url, content=body, headers=headers) as response:
            if response.status_code == 200:
                return _judge_success(response.headers.get("content-type", ""), await _start_of(response), sent)
        if response.status_code in _TRANSIENT:
            return Delivery(Answer.UNREACHABLE, f"status {response.status_code}", _retry_after(response.headers))
        return Delivery(Answer.REJECTED, f"status {response.status_code}")


def _body(events: Sequence[Event]) -> bytes:
    return gzip.compress(to_request(events).SerializeToString(), _GZIP_LEVEL, mtime=0)


async def _start_of(response: httpx.Response) -> bytes:
    """At most as much as a collector's answer may have, and a little more."""
    data = b""
    async for part in response.aiter_bytes(_REPLY_BYTES_MAX):
        data += part
        if len(data) > _REPLY_BYTES_MAX:
            break
    return data


def _judge_success(media_type: str, body: bytes, sent: int) -> Delivery:
    """A page that says 200 is no collector's word: only what the specification asks of one counts."""
    try:
        if media_type.partition(";")[0].strip().lower() == _MEDIA_TYPE and len(body) <= _REPLY_BYTES_MAX:
            return judge(ExportLogsServiceResponse.FromString(body), sent)
    except DecodeError:
        pass
    return Delivery(Answer.UNREACHABLE, "status 200, but no OTLP reply")


def _retry_after(headers: httpx.Headers) -> float:
    """Seconds (RFC 9110, 10.2.3). A date is taken by the sender's own clock, `Date`; what cannot be read counts as 0."""
    value = headers.get("retry-after", "")
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return 0.0
    return max(0.0, wait.total_seconds())
