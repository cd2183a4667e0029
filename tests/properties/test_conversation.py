"""Whatever is said in whatever order, a conversation may only be closed with OK once a final answer has been given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.exchange import Answer, ResponseReading
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.machine import Conversation, ConversationError, Role, State

EVENTS: list[e.Event] = [
    e.RequestHeaders({}, {}, {}, end_of_stream=False),
    e.RequestHeaders({}, {}, {}, end_of_stream=True),
    e.RequestBody(b""),
    e.RequestTrailers(),
    e.ResponseHeaders(200, "", "", end_of_stream=False),
    e.ResponseHeaders(200, "", "", end_of_stream=True),
    e.ResponseBody(b"", end_of_stream=False),
    e.ResponseBody(b"", end_of_stream=True),
    e.ResponseTrailers(),
    e.StreamEnded(),
]
COMMANDS: list[c.Command] = [
    c.ReadRequestBody(),
    c.AnswerNow(Answer(403, b"", "x", "")),
    *(c.ForwardRequest(None, (), {}, False, reads_response) for reads_response in (True, False)),
    c.RetargetRequest(None),
    c.PassRequestTrailers(),
    *(c.ReadResponse(reading) for reading in ResponseReading),
    c.PassWholeResponse(),
    c.PassChunk(b"", end_of_stream=False),
    c.PassChunk(b"", end_of_stream=True),
    c.PassResponseTrailers(),
]
FINAL = (
    c.AnswerNow,
    c.ForwardRequest,
    c.ReadResponse,
    c.PassWholeResponse,
    c.PassResponseTrailers,
    c.RetargetRequest,
    c.PassChunk,
)


@given(st.sampled_from(Role), st.lists(st.sampled_from([*EVENTS, *COMMANDS]), max_size=24))
def test_ok_only_after_a_final_answer(role: Role, steps: list[e.Event | c.Command]) -> None:
    conversation = Conversation(role)
    said: list[c.Command] = []
    heard: list[e.Event] = []
    for step in steps:
        before = conversation.state
        try:
            if isinstance(step, e.Event):
                conversation.receive(step)
                heard.append(step)
            else:
                conversation.send(step)
                said.append(step)
        except ConversationError:
            assert conversation.state is before, "a refused step changes nothing"
        if conversation.state is State.DONE:
            conversation.close_ok()
            assert isinstance(said[-1], FINAL)
        if any(isinstance(command, c.ForwardRequest) for command in said):
            assert any(isinstance(event, e.RequestBody) for event in heard), "nothing is forwarded unheard"
