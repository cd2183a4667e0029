"""Turns of several people's conversations in any order, over two processors that share a store and are restarted: what one
has held stays with it, through every cut of its history that leaves two messages of it, and comes to no other."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from gateway_ext.conversations.sqlite_store import SqliteConversations
from gateway_ext.exchange import Endpoint, Finding, Interface, Prompt, RequestHead
from gateway_ext.policy.loader import load_policy
from gateway_ext.response.forwarded import Exchange
from gateway_ext.steps.classifying import Classifying
from tests.unit.conversations.requests import ADA, BOB, KEY, prompt

SNAPSHOT = load_policy(Path(__file__).parents[2] / "policies")
IBAN = Finding("iban", "1", "personal", 0, "/x", 0, 1, 1.0, "log", False, "f")
CALLERS = {"ada": ADA, "bob": BOB, "ada, a service": replace(ADA, kind="service")}
NOW = 20_000 * 86_400 * 10**9


@dataclass
class Talk:
    """`said` are texts of user and assistant in turn; `id` "": the client names none. Talks of a caller by `number`; other
    callers say just the same."""

    who: str
    id: str
    number: int
    said: list[str] = field(default_factory=list)
    is_personal: bool = False

    def request(self, first: int) -> Prompt:
        messages = [{"role": "system", "content": f"It is turn {len(self.said)}."}]
        messages += [
            {"role": "assistant" if at % 2 else "user", "content": text}
            for at, text in enumerate(self.said)
            if at >= first
        ]
        metadata = {"metadata": {"conversation_id": self.id}} if self.id else {}
        return prompt(Endpoint.CHAT_COMPLETIONS, messages=messages, **metadata)


class Conversations(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.stores = [self.opened(), self.opened()]
        self.talks: list[Talk] = []

    def opened(self) -> SqliteConversations:
        return SqliteConversations(self.directory / "conversations.sqlite", KEY)

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        shutil.rmtree(self.directory)

    @initialize()
    def everybody_begins_two(self) -> None:
        self.talks = [Talk(who, name, number) for number, name in enumerate(("", "1")) for who in CALLERS]

    @rule(who=st.sampled_from(sorted(CALLERS)))
    def somebody_begins_another(self, who: str) -> None:
        self.talks.append(Talk(who, "", sum(each.who == who for each in self.talks)))

    @rule(
        which=st.integers(0, 99),
        processor=st.integers(0, 1),
        is_personal=st.booleans(),
        is_found_in_answer=st.booleans(),
        cut=st.integers(0, 9),
    )
    def a_turn(self, which: int, processor: int, *, is_personal: bool, is_found_in_answer: bool, cut: int) -> None:
        talk = self.talks[which % len(self.talks)]
        talk.said.append(
            f"{talk.number}: {len(talk.said)}" if not is_personal else f"{talk.number}: IBAN {len(talk.said)}"
        )
        # A client without an id leaves at least two messages of the turn before.
        first = min(cut, len(talk.said) - 1 if talk.id else max(len(talk.said) - 4, 0))
        asked = talk.request(first)
        found = [replace(IBAN, text_index=index) for index, text in enumerate(asked.texts) if "IBAN" in text.value]
        head = RequestHead(Interface.PUBLIC, "POST", asked.endpoint, "", "", "", {})
        exchange = Exchange("e", head, asked.endpoint, SNAPSHOT, CALLERS[talk.who], 0)
        classified = Classifying(self.stores[processor], KEY).classified(exchange, asked, asked, found)
        talk.is_personal = talk.is_personal or is_personal
        assert ("personal" in classified.classes.names) == talk.is_personal
        assert classified.remembering is not None
        asyncio.run(classified.remembering.sent(NOW))
        in_answer = [IBAN] if is_found_in_answer else []
        asyncio.run(classified.remembering.answered(in_answer, "", NOW))
        talk.is_personal = talk.is_personal or is_found_in_answer
        talk.said.append(f"{talk.number}: answer {len(talk.said)}")

    @precondition(lambda self: any(talk.said for talk in self.talks))
    @rule(which=st.integers(0, 99))
    def an_answer_is_made_anew(self, which: int) -> None:
        talk = self.talks[which % len(self.talks)]
        if talk.said:
            talk.said[-1] += " (anew)"

    @rule(processor=st.integers(0, 1))
    def restarts(self, processor: int) -> None:
        self.stores[processor].close()
        self.stores[processor] = self.opened()


Conversations.TestCase.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
TestConversations = Conversations.TestCase
