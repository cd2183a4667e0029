"""Whole conversations with Envoy, as scripts. One step after the other, as they go over the wire."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway_ext.exchange import Answer, ResponseReading
from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.machine import Role, State
from tests.playbooks.playbook import Playbook

HEADERS = e.RequestHeaders(fields={}, metadata={}, attributes={}, end_of_stream=False)
BODYLESS = e.RequestHeaders(fields={}, metadata={}, attributes={}, end_of_stream=True)
BODY = e.RequestBody(b"{}")
RESPONSE = e.ResponseHeaders(status=200, content_type="application/json", content_encoding="", end_of_stream=False)
LOCAL_REPLY = e.ResponseHeaders(status=401, content_type="", content_encoding="", end_of_stream=False)
CHUNK = e.ResponseBody(b"data: x\n\n", end_of_stream=False)
LAST_CHUNK = e.ResponseBody(b"", end_of_stream=True)

READ_BODY = c.ReadRequestBody()
FORWARD = c.ForwardRequest(body=None, candidates=(), plan={}, drop_content_encoding=False, reads_response=True)
FORWARD_AND_LEAVE = c.ForwardRequest(
    body=None, candidates=(), plan={}, drop_content_encoding=False, reads_response=False
)
REFUSE = c.AnswerNow(Answer(403, b"{}", "content_blocked", "id"))
READ_NOTHING = c.ReadResponse(ResponseReading.NOTHING)
READ_WHOLE = c.ReadResponse(ResponseReading.WHOLE)
READ_STREAM = c.ReadResponse(ResponseReading.STREAM)
PASS = c.PassChunk(b"data: x\n\n", end_of_stream=False)
PASS_LAST = c.PassChunk(b"", end_of_stream=True)


def forwarded() -> Playbook:
    return Playbook() >> HEADERS << READ_BODY >> BODY << FORWARD


def test_a_forwarded_request_whose_response_turns_out_to_need_no_reading() -> None:
    playbook = Playbook()
    playbook.may_not_close()
    (playbook >> HEADERS).leads_to(State.ADMITTING).may_not_close()
    (playbook << READ_BODY).leads_to(State.AWAIT_BODY).may_not_close()
    (playbook >> BODY).leads_to(State.DECIDING).may_not_close()
    (playbook << FORWARD).leads_to(State.AWAIT_RESPONSE).may_not_close()
    (playbook >> RESPONSE).leads_to(State.CHOOSING).may_not_close()
    (playbook << READ_NOTHING).leads_to(State.DONE).may_close()


def test_a_forwarded_request_whose_response_is_known_to_be_nobodys_business() -> None:
    playbook = Playbook() >> HEADERS << READ_BODY >> BODY
    playbook.may_not_close()
    (playbook << FORWARD_AND_LEAVE).leads_to(State.DONE).may_close()
    (playbook >> RESPONSE).may_close().refuses_to_say(READ_STREAM)


def test_a_refusal_of_the_body() -> None:
    (Playbook() >> HEADERS << READ_BODY >> BODY << REFUSE).leads_to(State.DONE).may_close()


def test_a_refusal_of_the_head_reads_no_body() -> None:
    (Playbook() >> HEADERS << REFUSE).leads_to(State.DONE).may_close().refuses_to_hear(BODY)


def test_a_bodyless_request_can_be_answered_but_never_forwarded() -> None:
    playbook = Playbook() >> BODYLESS
    playbook.refuses_to_say(FORWARD)
    (playbook << REFUSE).may_close()


def test_a_local_reply_is_the_first_thing_we_hear() -> None:
    playbook = (Playbook() >> LOCAL_REPLY).leads_to(State.LOCAL_REPLY).may_not_close()
    playbook.refuses_to_say(READ_WHOLE).refuses_to_say(READ_STREAM).refuses_to_say(FORWARD)
    (playbook << READ_NOTHING).may_close()


def test_envoy_answers_413_while_we_wait_for_the_body() -> None:
    playbook = Playbook() >> HEADERS << READ_BODY >> LOCAL_REPLY << READ_NOTHING
    playbook.may_close()


def test_a_buffered_response() -> None:
    playbook = forwarded() >> RESPONSE << READ_WHOLE
    playbook.leads_to(State.AWAIT_WHOLE).may_not_close()
    (playbook >> e.ResponseBody(b"{}", end_of_stream=True)).may_not_close()
    (playbook << c.PassWholeResponse()).may_close()


def test_a_stream_with_fewer_chunks_out_than_in() -> None:
    playbook = forwarded() >> RESPONSE << READ_STREAM
    playbook >> CHUNK >> CHUNK << PASS >> CHUNK
    playbook.leads_to(State.RESPONDING).may_not_close()
    (playbook >> LAST_CHUNK).leads_to(State.ENDING).may_not_close()
    (playbook << PASS_LAST).may_close()


def test_a_stream_that_ends_with_trailers() -> None:
    playbook = forwarded() >> RESPONSE << READ_STREAM >> CHUNK << PASS >> e.ResponseTrailers()
    playbook.leads_to(State.ENDING).may_not_close()
    (playbook << PASS << c.PassResponseTrailers()).may_close()


def test_we_cut_a_stream_off_and_ignore_what_was_under_way() -> None:
    playbook = forwarded() >> RESPONSE << READ_STREAM >> CHUNK << PASS_LAST
    playbook.may_close()
    (playbook >> CHUNK >> LAST_CHUNK).leads_to(State.DONE)
    playbook.refuses_to_say(PASS)


@pytest.mark.parametrize(
    "playbook",
    [
        pytest.param(Playbook, id="before anything"),
        pytest.param(lambda: Playbook() >> HEADERS << READ_BODY, id="awaiting the body"),
        pytest.param(lambda: Playbook() >> HEADERS << READ_BODY >> BODY, id="deciding"),
        pytest.param(forwarded, id="awaiting the response"),
        pytest.param(lambda: forwarded() >> RESPONSE << READ_WHOLE, id="awaiting the whole response"),
        pytest.param(lambda: forwarded() >> RESPONSE << READ_STREAM >> CHUNK, id="in the stream"),
    ],
)
def test_an_ended_stream_is_interrupted_and_never_closes_with_ok(playbook: Callable[[], Playbook]) -> None:
    script = playbook()
    (script >> e.StreamEnded()).leads_to(State.INTERRUPTED).may_not_close()
    script.refuses_to_say(FORWARD).refuses_to_say(PASS_LAST).refuses_to_hear(BODY)


def test_an_end_after_our_part_changes_nothing() -> None:
    (Playbook() >> HEADERS << REFUSE >> e.StreamEnded()).leads_to(State.DONE).may_close()


@pytest.mark.parametrize("event", [BODY, RESPONSE, CHUNK, LAST_CHUNK, e.RequestTrailers(), e.ResponseTrailers()])
def test_what_envoy_may_not_say_while_we_decide(event: e.Event) -> None:
    (Playbook() >> HEADERS << READ_BODY >> BODY).refuses_to_hear(event)


@pytest.mark.parametrize("command", [FORWARD, FORWARD_AND_LEAVE, READ_NOTHING, PASS_LAST, c.PassWholeResponse()])
def test_nothing_is_forwarded_before_the_body_was_heard(command: c.Command) -> None:
    (Playbook() >> HEADERS).refuses_to_say(command)
    (Playbook() >> HEADERS << READ_BODY).refuses_to_say(command)


def test_a_retry_is_retargeted() -> None:
    playbook = Playbook(Role.UPSTREAM) >> HEADERS << READ_BODY >> BODY
    playbook.may_not_close().refuses_to_say(FORWARD)
    (playbook << c.RetargetRequest(b"{}")).may_close()


def test_a_retry_without_a_body_is_a_fault() -> None:
    Playbook(Role.UPSTREAM).refuses_to_hear(BODYLESS)


def test_the_router_role_cannot_retarget() -> None:
    (Playbook() >> HEADERS << READ_BODY >> BODY).refuses_to_say(c.RetargetRequest(b"{}"))


def test_an_answer_that_cannot_be_read_is_withheld_at_its_head() -> None:
    playbook = forwarded() >> RESPONSE
    (playbook << REFUSE).leads_to(State.DONE).may_close()


def test_an_answer_that_must_not_be_passed_on_is_withheld_as_a_whole() -> None:
    playbook = forwarded() >> RESPONSE << READ_WHOLE >> LAST_CHUNK
    playbook.may_not_close()
    (playbook << REFUSE).leads_to(State.DONE).may_close()


def test_a_stream_that_has_begun_can_only_be_cut() -> None:
    playbook = forwarded() >> RESPONSE << READ_STREAM >> CHUNK
    playbook.refuses_to_say(REFUSE)
