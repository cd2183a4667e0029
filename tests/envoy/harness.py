"""A real Envoy on free ports in a directory of its own, with certificates, tokens, a scripted processor and upstreams.

The processor and the upstreams are small fakes: what is tested here is Envoy and our configuration of it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
from google.protobuf.json_format import MessageToDict

from gateway_ext.credentials.served_keys import served_key_sets
from gateway_ext.envoyconf import static
from gateway_ext.envoyconf.render import render
from gateway_ext.envoyconf.write import write
from gateway_ext.exchange import CredentialClass
from gateway_ext.local.certificates import ensure_certificates
from gateway_ext.local.issuer import LocalIssuer
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.settings import StateLayout
from gateway_ext.wire import access_log_pb2, ext_proc_pb2, health_pb2
from tests.envoy.examination import require_clean

ENVOY_YAML = Path(__file__).parents[2] / "envoy" / "envoy.yaml"
ENVOY_BINARY = Path(sys.executable).parent / "envoy"


# --- a scripted processor --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Stream:
    """One ext_proc stream: what Envoy said at its opening, and the messages as they come."""

    call: grpc.aio.ServicerContext[Any, Any]
    requests: AsyncIterator[ext_proc_pb2.ProcessingRequest]
    metadata: dict[str, str]
    ahead: list[ext_proc_pb2.ProcessingRequest] = field(default_factory=list)

    async def read(self) -> ext_proc_pb2.ProcessingRequest:
        return self.ahead.pop() if self.ahead else await anext(self.requests)

    async def send(self, **fields: Any) -> None:
        await self.call.write(ext_proc_pb2.ProcessingResponse(**fields))


Script = Callable[[Stream], Awaitable[None]]


class RefusedByEnvoyError(Exception):
    """Envoy answered by itself (413) while the body was awaited; the answer has been let pass."""


class EndStreamEarlyError(Exception):
    """Raised by a script to close its stream with OK while Envoy still waits for an answer."""


def headers_of(message: ext_proc_pb2.HttpHeaders) -> dict[str, str]:
    return {header.key: header.raw_value.decode() for header in message.headers.headers}


async def read_request(stream: Stream) -> tuple[dict[str, Any], dict[str, str], bytes]:
    """Take in the request; returns the first message as a dict, its headers and the body."""
    first = await stream.read()
    await stream.send(request_headers=ext_proc_pb2.HeadersResponse())
    body = b""
    if not first.request_headers.end_of_stream:
        second = await stream.read()
        if second.HasField("response_headers"):
            await stream.send(response_headers=ext_proc_pb2.HeadersResponse())
            raise RefusedByEnvoyError
        body = second.request_body.body
    return MessageToDict(first, preserving_proto_field_name=True), headers_of(first.request_headers), body


def verdict(plan: Mapping[str, Any], *clusters: str) -> dict[str, Any]:
    """The fields of an answer that sends a request to `clusters`, in order."""
    groups: list[Any] = [
        {"name": str(at), "clusters": [{"cluster_name": name, "weight": 1}]} for at, name in enumerate(clusters)
    ]
    # Envoy ignores clear_route_cache in an answer without a header mutation: the route stays the one to `deny`.
    mutation = ext_proc_pb2.HeaderMutation(remove_headers=["x-gateway-unused"])
    common = ext_proc_pb2.CommonResponse(header_mutation=mutation, clear_route_cache=True)
    response = ext_proc_pb2.ProcessingResponse(request_body=ext_proc_pb2.BodyResponse(response=common))
    response.dynamic_metadata.update({"gw.route": {"priority_groups": groups}, "gw.plan": dict(plan)})
    return {"request_body": response.request_body, "dynamic_metadata": response.dynamic_metadata}


class FakeProcessor:
    """Serves ext_proc, health and the access log on a Unix socket; `script` plays the router-level streams."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.retarget: Script = self._pass_upstream
        self.entries: list[access_log_pb2.HTTPAccessLogEntry] = []
        self.upstream_streams: list[dict[str, Any]] = []
        self.local_replies: list[dict[str, str]] = []
        self.is_serving = True
        self._server: grpc.aio.Server | None = None

    async def start(self, path: Path) -> None:
        self._server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 * 1024 * 1024)])
        generic = grpc.method_handlers_generic_handler
        process = grpc.stream_stream_rpc_method_handler(
            self._process,
            ext_proc_pb2.ProcessingRequest.FromString,
            ext_proc_pb2.ProcessingResponse.SerializeToString,
        )
        logs = grpc.stream_unary_rpc_method_handler(
            self._logs,
            access_log_pb2.StreamAccessLogsMessage.FromString,
            access_log_pb2.StreamAccessLogsResponse.SerializeToString,
        )
        check = grpc.unary_unary_rpc_method_handler(
            self._check, health_pb2.HealthCheckRequest.FromString, health_pb2.HealthCheckResponse.SerializeToString
        )
        self._server.add_generic_rpc_handlers(
            (
                generic("envoy.service.ext_proc.v3.ExternalProcessor", {"Process": process}),
                generic("envoy.service.accesslog.v3.AccessLogService", {"StreamAccessLogs": logs}),
                generic("grpc.health.v1.Health", {"Check": check}),
            )
        )
        self._server.add_insecure_port(f"unix:{path}")
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(grace=0)

    async def entry(self, request_id: str = "", timeout_seconds: float = 5.0) -> access_log_pb2.HTTPAccessLogEntry:
        """The access-log entry of a request (any, without an id), as soon as it has come."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            for entry in self.entries:
                if request_id in ("", entry.request.request_id):
                    return entry
            await asyncio.sleep(0.02)
        raise AssertionError(f"no access-log entry within {timeout_seconds} s; got {len(self.entries)} others")

    async def _process(self, requests: AsyncIterator[Any], call: grpc.aio.ServicerContext[Any, Any]) -> None:
        metadata = {str(key): str(value) for key, value in call.invocation_metadata() or ()}
        stream = Stream(call, requests, metadata)
        try:
            stream.ahead.append(await stream.read())
            with suppress(RefusedByEnvoyError):
                await self._choose(stream)(stream)
            async for _ in requests:  # a stream must not end before Envoy ends it
                pass
        except EndStreamEarlyError:
            return
        except StopAsyncIteration:
            pass  # Envoy ended it while the script still read

    def _choose(self, stream: Stream) -> Script:
        if stream.ahead[0].HasField("response_headers"):
            return self._pass_local_reply  # an answer of Envoy's own, to a request the processor never saw
        return self.retarget if stream.metadata.get("x-gateway-role") == "upstream" else self.script

    async def _pass_local_reply(self, stream: Stream) -> None:
        self.local_replies.append(headers_of((await stream.read()).response_headers))
        await stream.send(response_headers=ext_proc_pb2.HeadersResponse())

    async def _pass_upstream(self, stream: Stream) -> None:
        first, _, _ = await read_request(stream)
        self.upstream_streams.append(first)
        await stream.send(request_body=ext_proc_pb2.BodyResponse())

    async def _logs(
        self, messages: AsyncIterator[access_log_pb2.StreamAccessLogsMessage], _: object
    ) -> access_log_pb2.StreamAccessLogsResponse:
        async for message in messages:
            self.entries.extend(message.http_logs.log_entry)
        return access_log_pb2.StreamAccessLogsResponse()

    async def _check(self, _: object, __: object) -> health_pb2.HealthCheckResponse:
        status = health_pb2.HealthCheckResponse
        return status(status=status.SERVING if self.is_serving else status.NOT_SERVING)


# --- upstreams -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it reached an upstream."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class FakeUpstream:
    """A provider on a TCP port: answers each request with `status`, `content_type` and `body`, and keeps it."""

    def __init__(self, body: bytes = b"{}", *, status: int = 200, content_type: str = "application/json") -> None:
        self.body, self.status, self.content_type = body, status, content_type
        self.seen: list[Seen] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=64 * 1024 * 1024, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            tasks = list(self._connections)
            for writer in self._connections.values():
                writer.close()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                pairs = (line.partition(": ") for line in head[1:] if line)
                headers = {name.lower(): value for name, _, value in pairs}
                body = await self._body(reader, headers)
                self.seen.append(Seen(head[0].split(" ")[1], headers, body))
                writer.write(
                    f"HTTP/1.1 {self.status} Answer\r\ncontent-type: {self.content_type}\r\n"
                    f"content-length: {len(self.body)}\r\n\r\n".encode()
                    + self.body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the peer, or the end of the test, has closed the connection
        finally:
            del self._connections[task]
            writer.close()

    @staticmethod
    async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await reader.readexactly(int(headers.get("content-length", "0")))
        body = b""
        while size := int((await reader.readline()).strip(), 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readexactly(2)
        return body


# --- Envoy -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ports:
    public: int
    internal: int
    health: int
    admin: int
    loopback: int
    console: int


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now. Held open together, so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@dataclass(slots=True)
class Envoy:
    """A running Envoy. `tokens` signs for it; `layout` is its working directory; `log` is where it writes."""

    layout: StateLayout
    ports: Ports
    tokens: LocalIssuer
    process: subprocess.Popen[bytes]
    log: Path

    def client(
        self, listener: str = "loopback", *, http2: bool = False, certificate: bool = False
    ) -> httpx.AsyncClient:
        """A client of `listener` (public, internal, loopback) that trusts our CA; `certificate` presents the client's."""
        certs = self.layout.certs
        if listener == "loopback":
            return httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.ports.loopback}", timeout=20)
        context = ssl.create_default_context(cafile=certs / "ca.pem")
        if certificate:
            context.load_cert_chain(certs / "client.pem", certs / "client.key")
        port = getattr(self.ports, listener)
        return httpx.AsyncClient(base_url=f"https://localhost:{port}", verify=context, http2=http2, timeout=20)

    def bearer(self, credential_class: CredentialClass = CredentialClass.SSO, **claims: Any) -> dict[str, str]:
        """The header of a request by `alice` of `research`; `claims` may replace any claim."""
        token = self.tokens.mint(credential_class, "alice", "research", ttl_seconds=600, **claims)
        return {"authorization": f"Bearer {token}"}


def prepare_state(root: Path, snapshot: Snapshot, *, processors: int = 1) -> tuple[StateLayout, LocalIssuer]:
    """A state directory as `up` makes one: rendered files, certificates, JWKS, a key file for each credential."""
    layout = StateLayout(root)
    ensure_certificates(layout.certs, time.time_ns())
    layout.processor_socket(0).parent.mkdir(parents=True, exist_ok=True)
    layout.secrets.mkdir(parents=True, exist_ok=True)
    for credential in {provider.credential for provider in snapshot.routing.providers.values()} - {""}:
        (layout.secrets / credential).write_text(f"key-of-{credential}")
    tokens = LocalIssuer.create(layout)
    key_sets = served_key_sets(layout.jwks, int(time.time()))
    write(render(snapshot, layout, processors, key_sets=key_sets), layout.xds)
    return layout, tokens


@asynccontextmanager
async def running_envoy(
    layout: StateLayout, tokens: LocalIssuer, *, change: Callable[[dict[str, Any]], None] | None = None
) -> AsyncIterator[Envoy]:
    """Start Envoy with the shipped envoy.yaml on free ports and wait until it serves; `change` edits the configuration.

    The processors' sockets should be served before: Envoy is ready when it has checked their health. At its end, what
    lies in its directory is searched for what must not be written.
    """
    ports = Ports(*free_ports(6))
    mapping = {
        8443: ports.public,
        8444: ports.internal,
        8445: ports.console,
        8081: ports.health,
        9901: ports.admin,
    }
    config = static.instantiate(ENVOY_YAML, ports=mapping, loopback_port=ports.loopback, bind_address=static.LOOPBACK)
    if change is not None:
        change(config)
    (layout.root / "envoy.yaml").write_text(static.dump(config))
    log = layout.root / "envoy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220  (a fork; nothing else runs yet)
            [ENVOY_BINARY, "-c", "envoy.yaml", "--concurrency", "1", "--disable-hot-restart", "-l", "warning"],
            cwd=layout.root,
            stdout=output,
            stderr=output,
        )
    try:
        await _until_ready(process, ports.admin, log)
        yield Envoy(layout, ports, tokens, process, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    require_clean(layout.root, layout.root)


async def _until_ready(process: subprocess.Popen[bytes], admin_port: int, log: Path) -> None:
    deadline = time.monotonic() + 15
    async with httpx.AsyncClient() as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if (await client.get(f"http://127.0.0.1:{admin_port}/ready")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError(f"Envoy did not become ready:\n{log.read_text()[-4000:]}")  # noqa: ASYNC240  (the end)
