from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway_ext.conversations.identify import conversation_key, identify
from gateway_ext.exchange import Endpoint, Prompt
from gateway_ext.limits import CONVERSATION_STEPS_MAX
from tests.unit.conversations.requests import ADA, BOB, KEY, chat, conversation, prompt


def shared(first: Prompt, second: Prompt) -> set[bytes]:
    return set(conversation(first).keys) & set(conversation(second).keys)


def test_the_next_turn_repeats_the_steps_of_the_one_before() -> None:
    first, second = conversation(chat("a", "b", "c")), conversation(chat("a", "b", "c", "d", "e"))
    assert second.steps[:3] == first.steps
    assert len(second.steps) == 5


@pytest.mark.parametrize(
    "later",
    [
        chat("a", "b", "c"),  # the answer made anew
        chat("a", "b", "changed"),  # the last message written anew
        chat("b2", "b", "c", "d", "e"),  # the beginning summarised
        prompt(
            Endpoint.CHAT_COMPLETIONS,
            messages=[{"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}],
        ),  # the beginning left out
        chat("a", "b", "c", "d", "e", system="It is 11:45."),
    ],
)
def test_some_step_is_repeated_when_a_client_leaves_out_or_changes_some(later: Prompt) -> None:
    assert shared(chat("a", "b", "c", system="It is 11:40."), later)


def test_other_conversations_share_no_step_once_they_differ() -> None:
    assert not shared(chat("a"), chat("b"))
    first, second = conversation(chat("example", "answer", "a")), conversation(chat("example", "answer", "b"))
    assert first.steps[:2] == second.steps[:2]
    assert first.steps[2] != second.steps[2]


def test_the_same_message_of_another_role_is_another() -> None:
    said = [{"role": role, "content": "a"} for role in ("user", "assistant")]
    assert not shared(*(prompt(Endpoint.CHAT_COMPLETIONS, messages=[each]) for each in said))


def test_texts_cannot_be_shifted_from_one_to_the_next() -> None:
    parts = [[{"type": "text", "text": text} for text in texts] for texts in (["ab", "c"], ["a", "bc"])]
    first, second = (
        prompt(Endpoint.CHAT_COMPLETIONS, messages=[{"role": "user", "content": content}]) for content in parts
    )
    assert not shared(first, second)


def test_nobody_elses_requests_have_the_same_keys() -> None:
    asked = chat("a", "b", "c", metadata={"conversation_id": "42"})
    keys = [
        set(identify(caller, asked, ("chat-7",), key).keys)
        for caller, key in (
            (ADA, KEY),
            (BOB, KEY),
            (replace(ADA, kind="service"), KEY),
            (ADA, conversation_key(b"another machine's key")),
        )
    ]
    assert all(len(each) == 5 for each in keys)
    assert len(set().union(*keys)) == 20


@pytest.mark.parametrize("change", [{"asserted_by": BOB, "credential_id": "page"}, {"issuer": "personal"}])
def test_who_asks_through_a_front_end_or_with_another_credential_is_the_same_person(change: dict[str, Any]) -> None:
    asked = chat("a", "b", "c")
    assert conversation(asked, replace(ADA, **change)).keys == conversation(asked).keys


def test_a_responses_request_is_known_by_the_answer_before() -> None:
    first = conversation(prompt(Endpoint.RESPONSES, input="a"))
    second = conversation(prompt(Endpoint.RESPONSES, input="b", previous_response_id="resp_1"))
    assert second.kept_as == (first.answer("resp_1"),)
    assert second.is_kept_elsewhere
    assert second.names == ()
    assert second.steps == ()  # nobody knows what its message follows
    assert not first.is_kept_elsewhere


@pytest.mark.parametrize("named", ["conv_1", {"id": "conv_1"}])
def test_a_conversation_that_the_provider_keeps_has_its_name_for_good(named: object) -> None:
    known = conversation(prompt(Endpoint.RESPONSES, input="a", conversation="conv_1"))
    found = conversation(prompt(Endpoint.RESPONSES, input="b", conversation=named))
    assert found.kept_as == found.names == known.names
    assert found.is_kept_elsewhere


@pytest.mark.parametrize("name", [1, [], {"id": 2}, "", "x" * 600])
def test_what_is_no_id_is_none_and_goes_on_with_what_nobody_knows(name: object) -> None:
    found = conversation(prompt(Endpoint.RESPONSES, input="b", conversation=name))
    assert found.kept_as == ()
    assert found.is_kept_elsewhere


@pytest.mark.parametrize(
    ("endpoint", "metadata"),
    [
        (Endpoint.CHAT_COMPLETIONS, {"conversation_id": "42"}),
        (Endpoint.MESSAGES, {"user_id": "user_ab12_account_cd34_session_0f0f"}),
    ],
)
def test_metadata_may_name_it(endpoint: Endpoint, metadata: dict[str, str]) -> None:
    def asked(text: str, **more: Any) -> Prompt:
        return prompt(endpoint, messages=[{"role": "user", "content": text}], max_tokens=9, **more)

    assert len(shared(asked("a", metadata=metadata), asked("b", metadata=metadata))) == 1
    assert not shared(asked("a", metadata={"user_id": "ada"}), asked("b", metadata={"user_id": "ada"}))


def test_ids_of_headers_name_it() -> None:
    first, second = (conversation(chat(text), ids=("chat-7",)) for text in "ab")
    assert first.names == second.names != ()
    assert first.anchor == second.anchor == first.names[0]


def test_its_anchor_is_the_beginning_while_that_is_there() -> None:
    assert conversation(chat("a", "b", "c")).anchor == conversation(chat("a")).anchor != b""
    assert conversation(prompt(Endpoint.RESPONSES, input="a", previous_response_id="r")).anchor == b""


def test_of_a_long_conversation_the_last_steps_count() -> None:
    texts = [str(number) for number in range(CONVERSATION_STEPS_MAX + 3)]
    found, later = conversation(chat(*texts)), conversation(chat(*texts, "x", "y"))
    assert len(found.steps) == len(later.steps) == CONVERSATION_STEPS_MAX
    assert found.steps[2:] == later.steps[:-2]
    assert found.anchor == b""
    assert found.to_remember([("messages", 0, "content")], ()) == found.steps


def test_markers_that_clients_move_from_turn_to_turn_make_no_difference() -> None:
    def asked(*cached: bool) -> Prompt:
        blocks = [
            {"type": "text", "text": text, **({"cache_control": {"type": "ephemeral"}} if marked else {})}
            for text, marked in zip("ab", cached, strict=True)
        ]
        messages = [
            {"role": role, "content": [block]} for role, block in zip(("user", "assistant"), blocks, strict=True)
        ]
        return prompt(Endpoint.MESSAGES, messages=messages, max_tokens=9)

    assert conversation(asked(True, False)).steps == conversation(asked(False, True)).steps


def test_messages_that_are_attachments_are_told_apart() -> None:
    def asked(data: str) -> Prompt:
        source = {"type": "base64", "media_type": "image/png", "data": data}
        message = {"role": "user", "content": [{"type": "image", "source": source}]}
        return prompt(Endpoint.MESSAGES, messages=[message], max_tokens=9)

    assert not shared(asked("aGk="), asked("aG8="))
    assert shared(asked("aGk="), asked("aGk="))


@pytest.mark.parametrize("endpoint", [Endpoint.EMBEDDINGS, Endpoint.COMPLETIONS])
def test_what_is_no_conversation_has_no_steps(endpoint: Endpoint) -> None:
    assert conversation(prompt(endpoint, input="a", prompt="a")).keys == ()


def test_it_is_remembered_from_where_something_was_found() -> None:
    found = conversation(chat("example", "answer", "iban", "thanks", "more", system="s"))
    at = ("messages", 3, "content")  # behind the system prompt
    assert found.to_remember([at], ()) == found.steps[2:]
    assert found.to_remember([("messages", 1, "content"), at], ()) == found.steps


def test_it_is_remembered_from_where_it_is_known_on() -> None:
    found = conversation(chat("a", "b", "c", "d", "e"), ids=("chat-7",))
    assert found.to_remember((), found.steps[3:4]) == (*found.names, *found.steps[3:])


@pytest.mark.parametrize("places", [[("messages", 0, "content")], [("tools", 0, "description")], []])
def test_what_is_in_a_system_prompt_or_said_of_the_whole_is_remembered_by_the_last_step(
    places: list[tuple[str | int, ...]],
) -> None:
    found = conversation(chat("a", "b", "c", system="iban"))
    assert found.to_remember(places, ()) == found.steps[-1:]


def test_the_id_of_the_answer_before_is_not_what_it_is_remembered_by() -> None:
    """Else what is said in one branch of a conversation would be held by all others."""
    found = conversation(prompt(Endpoint.RESPONSES, input="iban", previous_response_id="resp_1", conversation="c"))
    assert found.to_remember([("input",)], found.kept_as) == found.names
