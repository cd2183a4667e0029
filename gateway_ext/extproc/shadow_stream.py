"""Drives the conversation about a copy of a request, which comes by Envoy's own listener `shadow`. No grpc in here."""

from __future__ import annotations

from gateway_ext.exchange import Answer, ResponseReading
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.headers import SHADOW_FIELD
from gateway_ext.extproc.machine import Conversation, State
from gateway_ext.steps.shadow_leave import Leave
from gateway_ext.steps.shadowing import Shadowing


class ShadowStream:
    """The filter of the listener `shadow`: a leave, the body that it is for, one deployment. Nobody reads the answer."""

    def __init__(self, shadowing: Shadowing) -> None:
        self.conversation = Conversation()
        self._shadowing = shadowing
        self._leave: Leave | None = None

    async def answer(self, event: e.Event) -> tuple[c.Command, ...]:
        """As RouterStream.answer."""
        state = self.conversation.receive(event)
        commands: tuple[c.Command, ...] = ()
        match event:
            case e.RequestHeaders():
                commands = (await self._admit(event),)
            case e.RequestBody(body):
                commands = (await self._decide(body),)
            case e.ResponseHeaders() if state is State.LOCAL_REPLY:
                commands = (c.ReadResponse(ResponseReading.NOTHING),)
        for command in commands:
            self.conversation.send(command)
        return commands

    async def _admit(self, event: e.RequestHeaders) -> c.Command:
        admitted = self._shadowing.admit(event.fields.get(SHADOW_FIELD, ""))
        if isinstance(admitted, Answer):
            return c.AnswerNow(admitted)
        self._leave = admitted
        if event.end_of_stream:  # no body message will ever come
            return await self._decide(b"")
        return c.ReadRequestBody()

    async def _decide(self, body: bytes) -> c.Command:
        assert self._leave is not None
        decided = await self._shadowing.decide(self._leave, body)
        if isinstance(decided, Answer):
            return c.AnswerNow(decided)
        return c.ForwardRequest(
            decided.body, decided.candidates, decided.plan, drop_content_encoding=False, reads_response=False
        )

    def interruption(self) -> None:
        """As RouterStream.interruption: what is sent is not ended here."""

    def interrupt(self) -> tuple[c.Command, ...]:
        """As RouterStream.interrupt."""
        return ()

    def close(self) -> None:
        """Nothing to be done: all that is said about a copy is recorded when it is said."""
