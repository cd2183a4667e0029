"""A script language for the ext_proc conversation: `>>` what Envoy says, `<<` what we answer, `==` where that leads."""

from __future__ import annotations

import pytest

from gateway_ext.extproc import commands as c
from gateway_ext.extproc import events as e
from gateway_ext.extproc.machine import Conversation, ConversationError, Role, State


class Playbook:
    """Plays one conversation; each operator returns the playbook, so that a test reads as a script."""

    def __init__(self, role: Role = Role.ROUTER) -> None:
        self.conversation = Conversation(role)

    def __rshift__(self, event: e.Event) -> Playbook:
        self.conversation.receive(event)
        return self

    def __lshift__(self, command: c.Command) -> Playbook:
        self.conversation.send(command)
        return self

    def leads_to(self, state: State) -> Playbook:
        assert self.conversation.state is state
        return self

    def may_close(self) -> Playbook:
        self.conversation.close_ok()
        return self

    def may_not_close(self) -> Playbook:
        before = self.conversation.state
        with pytest.raises(ConversationError) as caught:
            self.conversation.close_ok()
        assert caught.value.is_ours
        assert self.conversation.state is before
        return self

    def refuses_to_hear(self, event: e.Event) -> Playbook:
        before = self.conversation.state
        with pytest.raises(ConversationError) as caught:
            self.conversation.receive(event)
        assert not caught.value.is_ours
        assert self.conversation.state is before
        return self

    def refuses_to_say(self, command: c.Command) -> Playbook:
        before = self.conversation.state
        with pytest.raises(ConversationError) as caught:
            self.conversation.send(command)
        assert caught.value.is_ours
        assert self.conversation.state is before
        return self
