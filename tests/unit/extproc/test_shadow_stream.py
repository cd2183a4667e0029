"""The conversation about a copy: no leave, no body; no Forward, no upstream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from gateway_ext.exchange import Answer, Candidate, Forward
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.codec import decode, encode
from gateway_ext.extproc.machine import ConversationError, State
from gateway_ext.extproc.shadow_stream import ShadowStream
from gateway_ext.steps.shadow_leave import Leave
from gateway_ext.steps.shadowing import Shadowing
from gateway_ext.wire import ext_proc_pb2 as pb

LEAVE = Leave("c", "e", "d", "p/m", "m", "a", "/v1/chat/completions", "/v1/chat/completions", False, False, 1, 1, "", 0)
REFUSAL = Answer(403, b"{}", "shadow_unproven", "c")
FORWARD = Forward(b"{}", (Candidate("p/m", "p", "m", "FR", "t"),), {"id": "c"})


@dataclass
class Judge:
    """Believes whoever says `good`."""

    forward: Forward | Answer = FORWARD
    seen: list[tuple[Leave, bytes]] = field(default_factory=list)

    def admit(self, written: str) -> Leave | Answer:
        return LEAVE if written == "good" else REFUSAL

    async def decide(self, leave: Leave, body: bytes) -> Forward | Answer:
        self.seen.append((leave, body))
        return self.forward


def stream(judge: Judge) -> ShadowStream:
    return ShadowStream(cast(Shadowing, judge))


def headers(written: str | None, *, end_of_stream: bool = False) -> e.RequestHeaders:
    fields = {} if written is None else {"x-gateway-shadow": written}
    return e.RequestHeaders(fields=fields, metadata={}, attributes={}, end_of_stream=end_of_stream)


async def test_a_copy_is_forwarded_and_its_answer_is_left_to_envoy() -> None:
    judge = Judge()
    conversation = stream(judge)
    assert await conversation.answer(headers("good")) == (c.ReadRequestBody(),)
    (forward,) = await conversation.answer(e.RequestBody(b"body"))
    assert judge.seen == [(LEAVE, b"body")]
    assert isinstance(forward, c.ForwardRequest)
    assert (forward.body, forward.candidates, forward.shadow) == (b"{}", FORWARD.candidates, "")
    assert conversation.conversation.state is State.DONE
    assert conversation.interrupt() == ()
    conversation.close()


@pytest.mark.parametrize("written", ["bad", "", None])
async def test_without_leave_the_body_is_not_even_read(written: str | None) -> None:
    judge = Judge()
    conversation = stream(judge)
    assert await conversation.answer(headers(written)) == (c.AnswerNow(REFUSAL),)
    assert conversation.conversation.state is State.DONE
    with pytest.raises(ConversationError):
        await conversation.answer(e.RequestBody(b"body"))
    assert judge.seen == []


async def test_a_refusal_ends_it() -> None:
    conversation = stream(Judge(REFUSAL))
    await conversation.answer(headers("good"))
    assert await conversation.answer(e.RequestBody(b"body")) == (c.AnswerNow(REFUSAL),)


async def test_one_without_a_body_is_judged_as_empty() -> None:
    judge = Judge(REFUSAL)
    assert await stream(judge).answer(headers("good", end_of_stream=True)) == (c.AnswerNow(REFUSAL),)
    assert judge.seen == [(LEAVE, b"")]


async def test_envoys_own_refusal_is_nodded_through() -> None:
    conversation = stream(Judge())
    response = e.ResponseHeaders(503, "", "", end_of_stream=True, cluster="")
    (nod,) = await conversation.answer(response)
    assert isinstance(nod, c.ReadResponse)
    assert conversation.conversation.state is State.DONE


@pytest.mark.parametrize("shadow", ["", "leave"])
def test_the_leave_travels_in_a_header(shadow: str) -> None:
    command = c.ForwardRequest(None, FORWARD.candidates, {"id": "e"}, False, False, shadow=shadow)
    mutation = encode(command).request_body.response.header_mutation
    sent = {each.header.key: each.header.raw_value for each in mutation.set_headers}
    assert sent.get("x-gateway-shadow") == (shadow.encode() or None)
    received = pb.ProcessingRequest()
    received.request_headers.headers.headers.add(key="x-gateway-shadow", raw_value=b"leave")
    event = decode(received)
    assert isinstance(event, e.RequestHeaders)
    assert event.fields == {"x-gateway-shadow": "leave"}
