"""The gRPC server that Envoy talks to: external processor, access log, health. The only importer of grpc here.

Whatever goes wrong, a stream ends in an abort with a constant text. Returning from a handler closes the stream with
OK, which Envoy 1.40 takes as leave to forward what was never inspected; `Conversation.close_ok` stands before it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import grpc

from gateway_ext import limits
from gateway_ext.exchange import Interface
from gateway_ext.extproc import access_log, codec, wake_ups
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.inbox import Inbox
from gateway_ext.extproc.machine import ConversationError, State
from gateway_ext.extproc.shadow_stream import ShadowStream
from gateway_ext.extproc.stream import RouterStream, StreamStopped, UpstreamStream
from gateway_ext.extproc.turns import Turns
from gateway_ext.pipeline import Pipeline
from gateway_ext.wire import access_log_pb2, ext_proc_pb2, health_pb2

_log = logging.getLogger(__name__)
_MESSAGE_BYTES_MAX = limits.REQUEST_BODY_BYTES_MAX + 1024 * 1024  # the body, and what comes with it
_HEALTH_PROPAGATION_SECONDS = 2.5  # two health checks of envoy.yaml and a margin

_Context = grpc.aio.ServicerContext[Any, Any]
_Stream = RouterStream | UpstreamStream | ShadowStream


class ProcessorServer:
    """Serves one pipeline on one Unix socket."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        step_deadline_seconds: float,
        stream_idle_seconds: float,
        is_healthy: Callable[[], bool],
    ) -> None:
        self._pipeline = pipeline
        self._step_deadline_seconds = step_deadline_seconds
        self._stream_idle_seconds = stream_idle_seconds
        self._is_healthy = is_healthy
        self._is_ready = False
        self._turns = Turns()  # of the streams that are read
        options = [
            # A second process on the same address must fail, not share the traffic with an old policy.
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX),
            ("grpc.max_send_message_length", _MESSAGE_BYTES_MAX),
            # Envoy's pings find a frozen processor (envoy.yaml); by default gRPC takes them for an attack.
            ("grpc.http2.max_ping_strikes", 0),
            # So much of each stream may lie here unread; what is more waits in Envoy. Without the second, gRPC raises the first by itself.
            ("grpc.http2.lookahead_bytes", limits.STREAM_UNREAD_BYTES_MAX),
            ("grpc.http2.bdp_probe", 0),
        ]
        with wake_ups.taken_at_once(asyncio.get_running_loop()):
            self._server = grpc.aio.server(options=options)
        self._server.add_generic_rpc_handlers(tuple(self._handlers()))

    async def start(self, socket: Path) -> None:
        """Listen on `socket` and report healthy. Replaces a socket that a dead process left behind.

        That its owner is dead is the audit spool's lock to prove, which two processes of one index cannot both hold.
        """
        await asyncio.to_thread(_make_room, socket)
        self._server.add_insecure_port(f"unix:{socket}")
        await self._server.start()
        self._is_ready = True

    async def stop(self, drain_seconds: float) -> None:
        """Report unready, let Envoy notice, finish what runs, abort what is left. Never an OK for a leftover."""
        self._is_ready = False
        await asyncio.sleep(min(_HEALTH_PROPAGATION_SECONDS, drain_seconds))
        await self._server.stop(max(0.0, drain_seconds - _HEALTH_PROPAGATION_SECONDS))
        await self._pipeline.background.drain(limits.STEP_DEADLINE_SECONDS)

    async def process(self, context: _Context) -> bytes:
        """One HTTP stream of Envoy. Returns the last message."""
        metadata = dict(context.invocation_metadata() or ())
        stream: _Stream
        if metadata.get("x-gateway-role") == "upstream":
            stream = UpstreamStream(self._pipeline)
        elif metadata.get("x-gateway-role") == "shadow":
            stream = ShadowStream(self._pipeline.shadowing)
        else:
            # Told by the filter's own configuration, out of reach of any client. Absent: the stricter of the two.
            is_internal = metadata.get("x-gateway-interface") == Interface.INTERNAL
            stream = RouterStream(self._pipeline, Interface.INTERNAL if is_internal else Interface.PUBLIC)
        try:
            last = await self._converse(stream, context)
            stream.conversation.close_ok()
        except ConversationError as error:
            code, text, why = grpc.StatusCode.INTERNAL, "gateway_ext_conversation", str(error)
        except StreamStopped as stopped:
            code, text, why = grpc.StatusCode.ABORTED, "gateway_ext_stopped", f"{stopped}, by an operator's order"
        except TimeoutError:
            code, text, why = grpc.StatusCode.DEADLINE_EXCEEDED, "gateway_ext_deadline", "no answer in time"
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            # A step lost what it waited for. gRPC would send no status at all then, and Envoy would wait for ever.
            code, text, why = grpc.StatusCode.INTERNAL, "gateway_ext_failure", "a step was cancelled"
        except Exception as error:  # noqa: BLE001  (its text would end up in Envoy's access log)
            code, text, why = grpc.StatusCode.INTERNAL, "gateway_ext_failure", type(error).__name__
        else:
            return last
        finally:
            stream.close()
        if stream.conversation.state is not State.INTERRUPTED:  # else it was Envoy that ended it
            _log.error("stream aborted: %s in %s", why, stream.conversation.state.name)
        return await _abort(context, code, text)

    async def _converse(self, stream: _Stream, context: _Context) -> bytes:
        """Returns what completes our part: with it goes the status, in one write instead of two."""

        async def read() -> e.Event:
            while (message := await context.read()) is not grpc.aio.EOF:
                if (event := codec.decode(message, self._pipeline.user_headers)) is not None:
                    return event
            return e.StreamEnded()

        inbox, last = Inbox(read), b""
        try:
            async with asyncio.timeout(None) as patience:
                while not stream.conversation.is_over:
                    commands = await self._step(stream, inbox, patience)
                    patience.reschedule(None)  # a caller may be slow to read
                    messages = [codec.encode(command).SerializeToString() for command in commands]
                    if stream.conversation.state is State.DONE:
                        last = messages.pop()
                    for message in messages:
                        await context.write(message)
        finally:
            await inbox.close()
        return last

    async def _step(self, stream: _Stream, inbox: Inbox, patience: asyncio.Timeout) -> Sequence[c.Command]:
        """What to say to what Envoy says next, or because of an operator's order that comes before it."""
        now = asyncio.get_running_loop().time
        if stream.conversation.state is not State.RESPONDING:
            event = await inbox.next()  # Envoy has time-outs of its own
            if isinstance(event, (e.RequestBody, e.ResponseBody)):  # the only steps that wait for anything
                patience.reschedule(now() + self._step_deadline_seconds)
            return await stream.answer(event)
        # Taken before it is asked what is in force: no change is missed.
        interruption = stream.interruption()
        if interruption is not None and (commands := stream.interrupt()):
            return commands
        patience.reschedule(now() + self._stream_idle_seconds)  # FULL_DUPLEX_STREAMED knows no time-out of Envoy's
        if not await inbox.wait(interruption):
            return ()
        await self._turns.next(inbox.read_on)
        patience.reschedule(now() + self._step_deadline_seconds)
        answered: list[c.Command] = []
        for event in inbox.take():
            answered += await stream.answer(event)
        return answered

    async def collect_access_log(self, messages: AsyncIterator[access_log_pb2.StreamAccessLogsMessage]) -> None:
        """Envoy's access log, for as long as Envoy runs: settles and records what ended."""
        async for message in messages:
            try:
                await self._pipeline.conclude(list(access_log.outcomes(message)))
            except Exception as error:  # noqa: BLE001  (the next ones must be settled all the same)
                # The holds stay and expire: the sweeper settles them by estimate and records them as recovered.
                _log.error("outcomes could not be settled: %s", type(error).__name__)

    def health(self) -> health_pb2.HealthCheckResponse:
        """What Envoy's active health check is told."""
        is_serving = self._is_ready and self._is_healthy()
        status = health_pb2.HealthCheckResponse.SERVING if is_serving else health_pb2.HealthCheckResponse.NOT_SERVING
        return health_pb2.HealthCheckResponse(status=status)

    def _handlers(self) -> list[grpc.GenericRpcHandler]:
        async def process(_: Any, context: _Context) -> bytes:
            return await self.process(context)

        async def collect(messages: Any, _: _Context) -> access_log_pb2.StreamAccessLogsResponse:
            await self.collect_access_log(messages)
            return access_log_pb2.StreamAccessLogsResponse()

        async def check(_: health_pb2.HealthCheckRequest, __: _Context) -> health_pb2.HealthCheckResponse:
            return self.health()

        return [
            _service(
                "envoy.service.ext_proc.v3.ExternalProcessor",
                "Process",
                # What is returned goes out together with the status. On the wire it is a stream all the same.
                grpc.stream_unary_rpc_method_handler,
                process,
                ext_proc_pb2.ProcessingRequest,
            ),
            _service(
                "envoy.service.accesslog.v3.AccessLogService",
                "StreamAccessLogs",
                grpc.stream_unary_rpc_method_handler,
                collect,
                access_log_pb2.StreamAccessLogsMessage,
                access_log_pb2.StreamAccessLogsResponse,
            ),
            _service(
                "grpc.health.v1.Health",
                "Check",
                grpc.unary_unary_rpc_method_handler,
                check,
                health_pb2.HealthCheckRequest,
                health_pb2.HealthCheckResponse,
            ),
        ]


def _make_room(socket: Path) -> None:
    # The directory's mode keeps other users of the machine away from the socket.
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket.unlink(missing_ok=True)


def _service(
    service: str,
    method: str,
    kind: Callable[..., Any],
    behaviour: Callable[..., Awaitable[Any]],
    request: Any,
    reply: Any = None,
) -> grpc.GenericRpcHandler:
    """Without a `reply`, what the behaviour returns is bytes already."""
    serializer = None if reply is None else reply.SerializeToString
    handler = kind(behaviour, request_deserializer=request.FromString, response_serializer=serializer)
    return grpc.method_handlers_generic_handler(service, {method: handler})


def _is_cancelled() -> bool:
    """Whether this task was told to end, as opposed to something it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _abort(context: _Context, code: grpc.StatusCode, text: str) -> NoReturn:
    await context.abort(code, text)
    raise AssertionError("abort returned")
