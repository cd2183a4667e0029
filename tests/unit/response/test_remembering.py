from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest

from gateway_ext.exchange import Endpoint, Finding
from gateway_ext.response.remembering import Remembering
from gateway_ext.routing.data_classes import Classification, DataClass, UnknownHistory
from tests.unit.conversations.requests import chat, conversation, prompt

RULES = Classification(
    classes={
        "personal": DataClass("personal", frozenset(), is_sticky=True),
        "health": DataClass("health", frozenset(), frozenset({"personal"}), is_sticky=True),
        "secret": DataClass("secret", frozenset()),
    },
    by_finding={(name, "log"): frozenset({name}) for name in ("personal", "health", "secret")},
)
PERSONAL = Finding("personal", "1", "personal", 0, "/x", 0, 1, 1.0, "log", False, "f")
NOW = 7


class Noted:
    def __init__(self) -> None:
        self.rows: list[tuple[tuple[bytes, ...], frozenset[str]]] = []

    def held(self, keys: Sequence[bytes]) -> None:
        pytest.fail("nothing is asked on the way back")

    async def remember(self, keys: Sequence[bytes], classes: Collection[str], now_unix_nano: int) -> None:
        assert now_unix_nano == NOW
        self.rows.append((tuple(keys), frozenset(classes)))


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def remembering(noted: Noted) -> Remembering:
    return Remembering(conversation(chat("a", "b", "c")), frozenset(), (), RULES, noted)


async def test_a_request_that_holds_nothing_leaves_no_trace(remembering: Remembering, noted: Noted) -> None:
    await remembering.sent(NOW)
    await remembering.answered([], "", NOW)
    assert noted.rows == []


async def test_a_request_is_known_by_the_keys_that_were_chosen(remembering: Remembering, noted: Noted) -> None:
    await replace(remembering, holds=frozenset({"personal"}), keys=(b"1", b"2")).sent(NOW)
    assert noted.rows == [((b"1", b"2"), frozenset({"personal"}))]


async def test_what_is_found_in_the_answer_is_held_from_the_last_step_on(
    remembering: Remembering, noted: Noted
) -> None:
    secret, health = replace(PERSONAL, detector="secret"), replace(PERSONAL, detector="health")
    await remembering.answered([PERSONAL, secret, health], "", NOW)
    assert noted.rows == [(remembering.conversation.steps[-1:], frozenset({"health"}))]


async def test_what_the_request_held_already_is_not_told_again(remembering: Remembering, noted: Noted) -> None:
    await replace(remembering, holds=frozenset({"personal"})).answered([PERSONAL], "", NOW)
    assert noted.rows == []


@pytest.mark.parametrize("holds", [frozenset[str](), frozenset({"personal"})])
async def test_an_answer_that_the_provider_keeps_is_known_by_its_id_with_all_that_came_before(
    remembering: Remembering, noted: Noted, holds: frozenset[str]
) -> None:
    asked = conversation(prompt(Endpoint.RESPONSES, input="b", previous_response_id="resp_1"))
    await replace(remembering, conversation=asked, holds=holds).answered([], "resp_2", NOW)
    assert noted.rows == [((asked.answer("resp_2"),), holds)]


async def test_harmless_answers_need_no_row_where_policy_allows_unknown_ones(
    remembering: Remembering, noted: Noted
) -> None:
    allowing = replace(remembering, rules=replace(RULES, unknown_history=UnknownHistory.ALLOW))
    await allowing.answered([], "resp_1", NOW)
    assert noted.rows == []
    await allowing.answered([PERSONAL], "resp_1", NOW)
    assert [classes for _, classes in noted.rows] == [{"personal"}, {"personal"}]
