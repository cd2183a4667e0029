"""What a conversation is remembered by, once a request of it goes out, and once its answer has come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway_ext.conversations.identify import Conversation
from gateway_ext.exchange import Finding
from gateway_ext.ports import Conversations
from gateway_ext.routing.data_classes import Classification, UnknownHistory, lasting_in


@dataclass(frozen=True, slots=True)
class Remembering:
    """`holds`: sticky classes of the request and what came before it; `keys`: by which it is known that it holds them."""

    conversation: Conversation
    holds: frozenset[str]
    keys: tuple[bytes, ...]
    rules: Classification
    conversations: Conversations

    async def sent(self, now_unix_nano: int) -> None:
        """To be called before the request goes out. Raises ConversationsUnavailable: then it must not."""
        if self.holds and self.keys:
            await self.conversations.remember(self.keys, self.holds, now_unix_nano)

    async def answered(self, findings: Iterable[Finding], response_id: str, now_unix_nano: int) -> None:
        """To be called with what was found in an answer that was read, before its end goes to the caller.

        `response_id`: by which the next request may name it instead of repeating it (`response.id` of the Responses API); ""
        for none. Raises ConversationsUnavailable: then later turns are not held to what it holds.
        """
        found = lasting_in(findings, self.rules)
        if not found <= self.holds:
            await self.conversations.remember(self.conversation.to_remember((), ()), found, now_unix_nano)
        holds = self.holds | found
        if response_id and (holds or self.rules.unknown_history is not UnknownHistory.ALLOW):
            await self.conversations.remember((self.conversation.answer(response_id),), holds, now_unix_nano)
