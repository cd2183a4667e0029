"""Classes of requests by the shipped policy and a real store; what their answers add."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.conversations.sqlite_store import SqliteConversations
from gateway_ext.errors import ConversationsUnavailable, HistoryUnknown, LabelUnknown
from gateway_ext.exchange import Endpoint, Finding, Interface, Principal, Prompt, RequestHead
from gateway_ext.identity.rules import FrontEnd
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.response.forwarded import Exchange
from gateway_ext.routing.data_classes import UnknownHistory
from gateway_ext.steps.classifying import Classified, Classifying
from tests.unit.conversations.requests import ADA, BOB, KEY, chat, prompt

SHIPPED = load_policy(Path(__file__).parents[3] / "policies")
FRONT_END = FrontEnd("page", "service", "page", "company", {"subject": "x-user"}, labels_header="x-data-class")
PAGE = replace(ADA, subject="page", issuer="service", kind="service")
NOW = 20_000 * 86_400 * 10**9


def found(text_index: int, detector: str = "iban", **changes: Any) -> Finding:
    return replace(Finding(detector, "1", "personal", text_index, "/x", 0, 1, 1.0, "log", False, "f"), **changes)


def with_classification(**changes: Any) -> Snapshot:
    routing = SHIPPED.routing
    return replace(SHIPPED, routing=replace(routing, classification=replace(routing.classification, **changes)))


class World:
    def __init__(self, path: Path) -> None:
        self.store = SqliteConversations(path, KEY)
        self.classifying = Classifying(self.store, KEY)
        front_ends = {("service", "page"): replace(FRONT_END, conversation_header="x-chat-id")}
        self.snapshot = replace(SHIPPED, identity=replace(SHIPPED.identity, front_ends=front_ends))

    def classify(
        self,
        asked: Prompt,
        *findings: Finding,
        caller: Principal = ADA,
        headers: Mapping[str, tuple[str, ...]] | None = None,
        snapshot: Snapshot | None = None,
        left: Prompt | None = None,
    ) -> Classified:
        """`left`: what is left of `asked` when it is too long."""
        head = RequestHead(Interface.PUBLIC, "POST", asked.endpoint, "", "", "", {}, user_headers=headers or {})
        exchange = Exchange("e", head, asked.endpoint, snapshot or self.snapshot, caller, 0)
        return self.classifying.classified(exchange, asked, left or asked, findings)

    async def send(self, asked: Prompt, *findings: Finding, **how: Any) -> Classified:
        classified = self.classify(asked, *findings, **how)
        assert classified.remembering is not None
        await classified.remembering.sent(NOW)
        return classified


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "conversations.sqlite")
    yield world
    world.store.close()


async def test_later_turns_stay_when_the_content_is_no_longer_in_them(world: World) -> None:
    first = await world.send(chat("my IBAN", "thanks", "go on"), found(0))
    assert first.classes.reasons == ("found:personal",)
    second = await world.send(chat("summary", "thanks", "go on", "sure", "and then?"))
    assert second.classes.names == {"internal", "personal"}
    assert second.classes.reasons == ("sticky:personal",)
    told = [("assistant", "sure"), ("user", "and then?"), ("assistant", "so"), ("user", "and?")]
    messages = [{"role": role, "content": text} for role, text in told]
    third = await world.send(prompt(Endpoint.CHAT_COMPLETIONS, messages=messages))
    assert third.classes.reasons == ("sticky:personal",)
    unlike = prompt(Endpoint.CHAT_COMPLETIONS, messages=messages[1:2])
    assert (await world.send(unlike)).classes.reasons == ()


async def test_a_conversation_whose_oldest_turns_are_left_out_is_known_by_all_that_came(world: World) -> None:
    asked, left = chat("a", "b", "c", "d", "my IBAN"), chat("my IBAN")
    classified = await world.send(asked, found(0), left=left)
    assert classified.remembering is not None
    assert classified.remembering.keys == classified.remembering.conversation.steps
    assert (await world.send(chat("a", "b", "c", "d", "x"))).classes.reasons == ("sticky:personal",)


async def test_what_is_not_sticky_is_not_remembered(world: World) -> None:
    assert "secret" in (await world.send(chat("a", "b", "c"), found(0, "jwt", data_class="secret"))).classes.names
    assert (await world.send(chat("a", "b", "c", "d", "e"))).classes.reasons == ()


async def test_nothing_is_remembered_of_a_request_that_does_not_go_out(world: World) -> None:
    assert world.classify(chat("a", "b", "c"), found(0)).classes.lasting
    assert world.classify(chat("a", "b", "c", "d", "e")).classes.reasons == ()


async def test_examples_before_every_conversation_of_an_application_do_not_make_it_one(world: World) -> None:
    await world.send(chat("example", "answer", "my IBAN"), found(2))
    assert (await world.send(chat("example", "answer", "something else"))).classes.reasons == ()
    assert (await world.send(chat("example", "answer", "my IBAN"))).classes.reasons == ("sticky:personal",)


async def test_another_callers_conversation_is_another(world: World) -> None:
    await world.send(chat("a", metadata={"conversation_id": "42"}), found(0))
    for caller, reasons in ((BOB, ()), (ADA, ("sticky:personal",))):
        classified = world.classify(chat("b", metadata={"conversation_id": "42"}), caller=caller)
        assert classified.classes.reasons == reasons


async def test_a_front_end_may_name_the_conversation_and_label_it(world: World) -> None:
    person = replace(ADA, asserted_by=PAGE)
    headers = {"x-chat-id": ("chat-7",), "x-data-class": ("Contract, health",)}
    first = await world.send(chat("a"), caller=person, headers=headers)
    assert first.classes.reasons == ("label:contract", "label:special-category")
    assert first.labels.names == {"contract", "health"}
    second = world.classify(chat("b"), caller=person, headers={"x-chat-id": ("chat-7",)})
    assert second.classes.reasons == ("sticky:contract", "sticky:special-category")


def test_public_is_what_only_the_front_end_can_say(world: World) -> None:
    headers = {"x-data-class": ("public",)}
    assert world.classify(chat("a"), caller=PAGE, headers=headers).classes.names == {"public"}
    assert world.classify(chat("a"), caller=ADA, headers=headers).classes.names == {"public", "internal"}
    with pytest.raises(LabelUnknown):
        world.classify(chat("a"), caller=ADA, headers={"x-data-class": ("public,unheard-of",)})


async def test_an_answer_that_held_something_makes_the_conversation_stay(world: World) -> None:
    first = await world.send(chat("who is it?"))
    assert first.remembering is not None
    await first.remembering.answered([found(0)], "", NOW)
    assert (await world.send(chat("who is it?", "[redacted]", "and?"))).classes.reasons == ("sticky:personal",)
    assert (await world.send(chat("[redacted]", "and?"))).classes.reasons == ()


def responses(text: str, **more: Any) -> Prompt:
    return prompt(Endpoint.RESPONSES, input=text, **more)


async def test_answers_that_were_read_are_known_by_their_id(world: World) -> None:
    first = await world.send(responses("a"))
    second_asked = responses("b", previous_response_id="resp_1")
    assert world.classify(second_asked).classes.reasons == ("history:unknown",)
    assert first.remembering is not None
    await first.remembering.answered([], "resp_1", NOW)
    second = await world.send(second_asked, found(0))
    assert second.classes.reasons == ("found:personal",)
    assert second.remembering is not None
    await second.remembering.answered([], "resp_2", NOW)
    assert world.classify(responses("c", previous_response_id="resp_2")).classes.reasons == ("sticky:personal",)
    assert world.classify(responses("c", previous_response_id="resp_1")).classes.reasons == ()  # another branch
    assert world.classify(responses("c", previous_response_id="resp_2"), caller=BOB).classes.reasons == (
        "history:unknown",
    )


async def test_what_is_taken_to_have_held_everything_goes_on_so(world: World) -> None:
    first = await world.send(responses("a", previous_response_id="resp_0"))
    assert first.classes.lasting == {"special-category", "trade-secret", "contract", "regulated"}
    assert first.remembering is not None
    await first.remembering.answered([], "resp_1", NOW)
    assert world.classify(responses("b", previous_response_id="resp_1")).classes.lasting == first.classes.lasting


async def test_policy_may_allow_or_refuse_what_nobody_knows(world: World) -> None:
    asked = responses("a", conversation="conv_1")
    allowing = with_classification(unknown_history=UnknownHistory.ALLOW)
    assert world.classify(asked, snapshot=allowing).classes.reasons == ()
    with pytest.raises(HistoryUnknown):
        world.classify(asked, snapshot=with_classification(unknown_history=UnknownHistory.REFUSE))
    await world.send(asked, found(0), snapshot=allowing)
    assert world.classify(asked, snapshot=allowing).classes.reasons == ("sticky:personal",)


def test_without_sticky_classes_no_store_is_looked_for(world: World, tmp_path: Path) -> None:
    classified = world.classify(chat("a"), found(0), snapshot=with_classification(classes={}))
    assert classified.remembering is None
    assert not (tmp_path / "conversations.sqlite").exists()


def test_which_conversation_it_is_can_be_asked_for(world: World) -> None:
    head = RequestHead(Interface.PUBLIC, "POST", "", "", "", "", {}, user_headers={"x-chat-id": ("chat-7",)})
    exchange = Exchange("e", head, Endpoint.CHAT_COMPLETIONS, world.snapshot, ADA, 0)
    first, second = (world.classifying.conversation(exchange, chat(text)) for text in "ab")
    assert first.anchor == second.anchor != b""


class Unreadable:
    def held(self, keys: Sequence[bytes]) -> None:
        return None

    async def remember(self, keys: Sequence[bytes], classes: object, now_unix_nano: int) -> None:
        raise ConversationsUnavailable


def test_when_nobody_can_tell_every_conversation_has_held_everything(world: World) -> None:
    world.classifying = Classifying(Unreadable(), KEY)
    classified = world.classify(chat("a"))
    assert classified.classes.reasons == ("history:unavailable",)
    assert classified.classes.names >= {"personal", "special-category", "trade-secret", "contract", "regulated"}
    assert classified.remembering is None


async def test_what_is_no_conversation_needs_no_store(world: World) -> None:
    world.classifying = Classifying(Unreadable(), KEY)
    classified = await world.send(prompt(Endpoint.EMBEDDINGS, input="my IBAN"), found(0))
    assert classified.classes.reasons == ("found:personal",)
    unheard_of = world.classify(prompt(Endpoint.RESPONSES, input="a", conversation={}))
    assert unheard_of.classes.reasons == ("history:unknown",)


async def test_what_cannot_be_remembered_must_not_go_out(world: World) -> None:
    classified = world.classify(chat("a"), found(0))
    assert classified.remembering is not None
    remembering = replace(classified.remembering, conversations=Unreadable())
    with pytest.raises(ConversationsUnavailable):
        await remembering.sent(NOW)
    harmless = world.classify(chat("b"))
    assert harmless.remembering is not None
    await replace(harmless.remembering, conversations=Unreadable()).sent(NOW)
