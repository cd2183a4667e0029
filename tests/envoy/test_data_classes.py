"""A conversation that held personal data, over Envoy and two processors, with an unmodified SDK."""

from __future__ import annotations

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.envoy.stack import Stack

pytestmark = pytest.mark.envoy
IBAN = "DE89 3704 0044 0532 0130 00"


def messages(*texts: str) -> list[ChatCompletionMessageParam]:
    """Of user and assistant in turn."""
    return [
        {"role": "assistant", "content": text} if at % 2 else {"role": "user", "content": text}
        for at, text in enumerate(texts)
    ]


def test_later_turns_stay_although_the_client_has_cut_the_personal_data_from_its_history(stack: Stack) -> None:
    stack.forget_upstream_log()
    turns = [f"Remind Erika, IBAN {IBAN}.", "Which day?", "On Monday.", "At what time?", "At nine."]
    with openai.OpenAI(base_url=stack.base_url, api_key=stack.token(), max_retries=0) as client:
        client.chat.completions.create(model="assistant", messages=messages(*turns[:1]))
        client.chat.completions.create(model="assistant", messages=messages(*turns[:3]))
        for wording in range(4):  # by whichever processor
            cut = ["[earlier messages left out]", "Which day?", "On Monday.", "At what time?", f"At nine. {wording}"]
            client.chat.completions.create(model="assistant", messages=messages(*cut))
        assert [seen["deployment"] for seen in stack.upstream_log()] == ["eu"] * 6
        stack.forget_upstream_log()
        client.chat.completions.create(model="assistant", messages=messages("Which day?", "On Monday.", "And now?"))
        assert [seen["deployment"] for seen in stack.upstream_log()] == ["us"]


def test_a_response_that_nobody_has_read_is_gone_on_with_where_anything_may_go(stack: Stack) -> None:
    stack.forget_upstream_log()
    with openai.OpenAI(base_url=stack.base_url, api_key=stack.token(), max_retries=0) as client:
        first = client.responses.create(model="assistant", input="What is a monad?")
        client.responses.create(model="assistant", input="Shorter, please.", previous_response_id=first.id)
    assert [seen["deployment"] for seen in stack.upstream_log()] == ["us", "eu"]
