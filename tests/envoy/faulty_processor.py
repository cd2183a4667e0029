"""A processor of real parts that breaks on demand: at a place of the conversation, in a way. For a process of its own.

The file `fault` in the state directory says where and how ("decide kill"); it is read at each place, so one process can
play many faults. Of the audit log's disk it says which call fails with which error ("write ENOSPC", "fsync EIO"). The file `said` gets a line when the fault strikes, `struck`, and one for each message that lets
something pass, before it goes to Envoy: `forward`, `whole`, or `chunk <hexadecimal>`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import grpc
import uvloop

from gateway_ext.audit.spool import Spool
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.cli.signals import stop_requested
from gateway_ext.clock import SystemClock
from gateway_ext.consent.consents import Consents
from gateway_ext.conversations.identify import conversation_key
from gateway_ext.conversations.sqlite_store import SqliteConversations
from gateway_ext.exchange import Answer, RequestHead, ResponseReading
from gateway_ext.extproc.server import ProcessorServer
from gateway_ext.guard.engine import GuardEngine
from gateway_ext.pipeline import Pipeline
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.response.answers import Answers
from gateway_ext.response.forwarded import Exchange, Forwarded
from gateway_ext.routing.measured import Measured
from gateway_ext.settings import StateLayout
from gateway_ext.standing.standing import Standing
from gateway_ext.steps.classifying import Classifying
from gateway_ext.wire import ext_proc_pb2

ENGINE = GuardEngine(b"fingerprint-key-of-the-tests-only")  # compiled once, in the process that all others fork from
STEP_DEADLINE_SECONDS = 0.5
STREAM_IDLE_SECONDS = 1.2
DRAIN_SECONDS = 4.0
BLOCKED_SECONDS = 1.5
CHUNKS_BEFORE_FAULT = 3
READS = ("open", "body", "response", "rest")  # the places before the first, second, … message is read
SECRET = "text-of-an-exception"


class Fault:
    """What is to happen at a place. `stop` stops the server at once."""

    def __init__(self, state: Path) -> None:
        self._file = state / "fault"
        self._said = state / "said"
        self.stop: Callable[[], object] = lambda: None

    def say(self, line: str) -> None:
        """Note what is about to happen, so that it is known even if it is the last thing that does."""
        with self._said.open("a") as said:
            said.write(f"{line}\n")

    def _way(self, place: str) -> str:
        wanted, _, way = self._file.read_text().partition(" ")
        return way if wanted == place else ""

    def strike(self, place: str) -> None:
        """Break here, if told so."""
        way = self._way(place)
        if way:
            self.say("struck")
        match way:
            case "raise":
                raise RuntimeError(SECRET)
            case "cancelled":
                raise asyncio.CancelledError
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "freeze":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "terminate":
                os.kill(os.getpid(), signal.SIGTERM)
            case "block":
                time.sleep(BLOCKED_SECONDS)

    def fail(self, call: str) -> None:
        """Raise the error that a system call is to fail with, if it is."""
        if error := self._way(call):
            self.say("struck")
            raise OSError(getattr(errno, error), "as the test says")

    async def meet(self, place: str) -> str:
        """As `strike`, where one can also hang, or be stopped by the server. Returns the way."""
        self.strike(place)
        way = self._way(place)
        if way == "stop":
            self.stop()
        if way in ("hang", "stop"):
            await asyncio.Event().wait()
        return way


def break_storage(fault: Fault) -> None:
    """Have the writes and fsyncs of the audit log's segments fail when the fault says so."""

    def breakable(call: str) -> Callable[..., Any]:
        real = getattr(os, call)

        def called(descriptor: int, *arguments: bytes) -> Any:
            if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".segment"):
                fault.fail(call)
            return real(descriptor, *arguments)

        return called

    for call in ("write", "fsync"):
        setattr(os, call, breakable(call))


class FaultyAnswers(Answers):
    """Breaks before it chooses how to read a response."""

    def __init__(self, fault: Fault, *parts: Any) -> None:
        super().__init__(*parts)
        self._fault = fault

    def choose(self, *what: Any) -> ResponseReading | Answer:
        self._fault.strike("choose")
        return super().choose(*what)


class FaultyPipeline(Pipeline):
    """Breaks before it does its work."""

    def __init__(self, fault: Fault, *parts: Any) -> None:
        super().__init__(*parts)
        self._fault = fault
        self.answers = FaultyAnswers(fault, *parts[2:6])

    def admit(self, head: RequestHead) -> Exchange | Answer:
        self._fault.strike("headers")
        return super().admit(head)

    async def decide(self, exchange: Exchange, body: bytes) -> Forwarded | Answer:
        await self._fault.meet("decide")
        return await super().decide(exchange, body)


class FaultyContext:
    """A gRPC stream that breaks before a message is read or written, or seems to have ended."""

    def __init__(self, context: Any, fault: Fault) -> None:
        self._context = context
        self._fault = fault
        self._reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    async def read(self) -> Any:
        self._reads += 1
        at_chunk = len(READS) + CHUNKS_BEFORE_FAULT
        place = READS[self._reads - 1] if self._reads <= len(READS) else "stream" if self._reads == at_chunk else ""
        if await self._fault.meet(place) == "ended":
            return grpc.aio.EOF
        return await self._context.read()

    async def write(self, serialized: bytes) -> None:
        await self.about_to_write(serialized)
        await self._context.write(serialized)

    async def about_to_write(self, serialized: bytes) -> None:
        """Break before a message goes out, or note what it lets pass."""
        message = ext_proc_pb2.ProcessingResponse.FromString(serialized)
        if message.HasField("request_body"):
            await self._fault.meet("decision")
        if message.HasField("response_body") and message.HasField("dynamic_metadata"):  # the last one
            await self._fault.meet("release")
        if line := _lets_pass(message):
            self._fault.say(line)


class FaultyServer(ProcessorServer):
    """The server, over streams that break."""

    def __init__(self, fault: Fault, pipeline: Pipeline) -> None:
        super().__init__(
            pipeline,
            step_deadline_seconds=STEP_DEADLINE_SECONDS,
            stream_idle_seconds=STREAM_IDLE_SECONDS,
            is_healthy=lambda: True,
        )
        self._fault = fault

    async def process(self, context: Any) -> bytes:
        return await super().process(cast(Any, FaultyContext(context, self._fault)))

    async def _converse(self, stream: Any, context: Any) -> bytes:
        last = await super()._converse(stream, context)
        if last:
            await context.about_to_write(last)
        return last


def _lets_pass(message: ext_proc_pb2.ProcessingResponse) -> str:
    match message.WhichOneof("response"):
        case "request_body":
            return "forward" if "gw.route" in message.dynamic_metadata.fields else ""
        case "response_body":
            mutation = message.response_body.response.body_mutation
            return f"chunk {mutation.streamed_response.body.hex()}" if mutation.ByteSize() else "whole"
    return ""


class PinnedPolicy:
    """The policy of a directory, as it is now."""

    def __init__(self, directory: Path) -> None:
        self._snapshot = load_policy(directory)

    def current(self) -> Snapshot:
        return self._snapshot


class NothingOrdered:
    """No operator has revoked, disabled or stopped anything."""

    def current(self) -> Standing:
        return Standing()

    def changed(self) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()


async def _serve(state: Path, policies: Path) -> None:
    layout, clock, fault = StateLayout(state), SystemClock(), Fault(state)
    stop = stop_requested()
    ledger = SqliteLedger(layout.ledger, clock)
    await ledger.open()
    break_storage(fault)
    audit = Spool(layout.spool, "processor-0", clock, power_loss=True)
    consents = Consents(layout.agreements, clock, "")
    key = conversation_key(b"key-of-the-tests-only")
    classifying = Classifying(SqliteConversations(layout.conversations, key), key)
    readings = Measured(clock.monotonic_ns)
    pipeline = FaultyPipeline(
        fault, PinnedPolicy(policies), ledger, ENGINE, audit, clock, NothingOrdered(), consents, classifying, readings
    )
    server = FaultyServer(fault, pipeline)
    fault.stop = lambda: pipeline.background.start(server.stop(0), name="stop")
    await server.start(layout.processor_socket(0))
    await stop.wait()
    await server.stop(DRAIN_SECONDS)
    await ledger.close()
    audit.close()


def serve(state: Path, policies: Path) -> None:
    """Serve on the first processor socket below `state` until SIGTERM; the process's main function."""
    uvloop.run(_serve(state, policies))
