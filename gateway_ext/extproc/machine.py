"""The conversation with Envoy about one HTTP stream, as a table. No grpc, no asyncio, no clock.

Rule 1: everything that changes the state is in this file. Rule 2: closing the gRPC stream with OK is legal in DONE
only. On Envoy 1.40 a stream closed with OK before it was answered lets the uninspected body through even with
`failure_mode_allow: false`; here that is a missing row of the table, hence an error, hence an abort.
"""

from __future__ import annotations

from enum import Enum, auto

from gateway_ext.errors import GatewayError
from gateway_ext.exchange import ResponseReading
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e


class State(Enum):
    AWAIT_HEADERS = auto()
    ADMITTING = auto()  # headers are here, we owe an answer
    AWAIT_BODY = auto()
    DECIDING = auto()  # the body is here, we owe the decision
    AWAIT_RESPONSE = auto()
    CHOOSING = auto()  # response headers are here, we owe how to read the rest
    LOCAL_REPLY = auto()  # Envoy answers by itself, we owe a nod
    AWAIT_WHOLE = auto()
    PASSING_WHOLE = auto()  # the buffered response body is here, we owe its release
    RESPONDING = auto()  # full duplex: chunks in, any number of chunks out
    ENDING = auto()  # full duplex: the upstream has ended, the last chunk is owed
    DONE = auto()
    INTERRUPTED = auto()


class Role(Enum):
    """Which of Envoy's filters talks to us: the one of the router, or the one of an upstream on a retry."""

    ROUTER = auto()
    UPSTREAM = auto()


class ConversationError(GatewayError):
    """An illegal step. `is_ours` tells a bug of ours from a peer that breaks the protocol. The stream must be aborted."""

    def __init__(self, state: State, step: str, *, is_ours: bool):
        super().__init__(f"{step} is illegal in {state.name}")
        self.is_ours = is_ours


_S = State
_RECEIVE: dict[tuple[State, type], State] = {
    (_S.AWAIT_HEADERS, e.RequestHeaders): _S.ADMITTING,
    (_S.AWAIT_HEADERS, e.ResponseHeaders): _S.LOCAL_REPLY,  # 401 of jwt_authn, …: never priced, never inspected
    (_S.AWAIT_BODY, e.RequestBody): _S.DECIDING,
    (_S.AWAIT_BODY, e.ResponseHeaders): _S.LOCAL_REPLY,  # 413, request time-out while the body was awaited
    (_S.AWAIT_RESPONSE, e.ResponseHeaders): _S.CHOOSING,
    (_S.AWAIT_WHOLE, e.ResponseBody): _S.PASSING_WHOLE,
    (_S.RESPONDING, e.ResponseBody): _S.RESPONDING,
    (_S.RESPONDING, e.ResponseTrailers): _S.ENDING,
    # After our part is done, what was already under way is read and dropped.
    (_S.DONE, e.ResponseHeaders): _S.DONE,
    (_S.DONE, e.ResponseBody): _S.DONE,
    (_S.DONE, e.ResponseTrailers): _S.DONE,
    (_S.DONE, e.StreamEnded): _S.DONE,
}

_SEND: dict[tuple[State, type], State] = {
    (_S.ADMITTING, c.ReadRequestBody): _S.AWAIT_BODY,
    (_S.ADMITTING, c.AnswerNow): _S.DONE,
    (_S.DECIDING, c.AnswerNow): _S.DONE,
    (_S.DECIDING, c.ForwardRequest): _S.AWAIT_RESPONSE,  # DONE when nobody reads the response, see send()
    (_S.LOCAL_REPLY, c.ReadResponse): _S.DONE,
    (_S.CHOOSING, c.ReadResponse): _S.DONE,  # refined by the reading, see send()
    (_S.CHOOSING, c.AnswerNow): _S.DONE,  # an answer that we cannot read and must
    (_S.PASSING_WHOLE, c.PassWholeResponse): _S.DONE,
    (_S.PASSING_WHOLE, c.AnswerNow): _S.DONE,
    (_S.RESPONDING, c.PassChunk): _S.RESPONDING,
    (_S.ENDING, c.PassChunk): _S.ENDING,
    (_S.ENDING, c.PassResponseTrailers): _S.DONE,
}

_AFTER_CHOOSING = {
    ResponseReading.NOTHING: _S.DONE,
    ResponseReading.WHOLE: _S.AWAIT_WHOLE,
    ResponseReading.STREAM: _S.RESPONDING,
}


class Conversation:
    """One stream's state. Feed it each event before acting on it, and each command before sending it."""

    __slots__ = ("_role", "state")

    def __init__(self, role: Role = Role.ROUTER) -> None:
        self.state = State.AWAIT_HEADERS
        self._role = role

    def receive(self, event: e.Event) -> State:
        """The state after `event`. Raises ConversationError, changing nothing, when Envoy may not say this now."""
        if isinstance(event, e.StreamEnded) and self.state is not State.DONE:
            self.state = State.INTERRUPTED
            return self.state
        if isinstance(event, e.RequestHeaders) and event.end_of_stream and self._role is Role.UPSTREAM:
            raise ConversationError(self.state, "a request without a body in the upstream role", is_ours=False)
        following = _RECEIVE.get((self.state, type(event)))
        if following is None:
            raise ConversationError(self.state, type(event).__name__, is_ours=False)
        if following is State.RESPONDING and isinstance(event, e.ResponseBody) and event.end_of_stream:
            following = State.ENDING
        self.state = following
        return following

    def send(self, command: c.Command) -> State:
        """The state after `command`. Raises ConversationError, changing nothing, when it may not be sent now."""
        following = _SEND.get((self.state, type(command)))
        if isinstance(command, c.RetargetRequest) and self.state is State.DECIDING and self._role is Role.UPSTREAM:
            following = State.DONE
        elif isinstance(command, c.ForwardRequest) and self._role is Role.UPSTREAM:
            following = None  # an upstream attempt may not choose routes
        if following is None:
            raise ConversationError(self.state, type(command).__name__, is_ours=True)
        if isinstance(command, c.ForwardRequest) and not command.reads_response:
            following = _S.DONE
        elif isinstance(command, c.ReadResponse):
            if self.state is State.CHOOSING:
                following = _AFTER_CHOOSING[command.reading]
            elif command.reading is not ResponseReading.NOTHING:
                raise ConversationError(self.state, "reading a local reply", is_ours=True)
        elif isinstance(command, c.PassChunk) and command.end_of_stream:
            following = State.DONE
        self.state = following
        return following

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be said."""
        return self.state in (State.DONE, State.INTERRUPTED)

    def close_ok(self) -> None:
        """Ask to close the gRPC stream with OK. Raises ConversationError unless our part is done."""
        if self.state is not State.DONE:
            raise ConversationError(self.state, "closing with OK", is_ours=True)
