"""Requests of a conversation, as dialects read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gateway_ext.attachments.finding import with_attachments
from gateway_ext.conversations.identify import Conversation, conversation_key, identify
from gateway_ext.dialects.requests import read_prompt
from gateway_ext.exchange import CredentialClass, Endpoint, Principal, Prompt

KEY = conversation_key(b"key of a machine that is made up")
ADA = Principal("ada", "person", "company", CredentialClass.SSO, "c-1")
BOB = Principal("bob", "person", "company", CredentialClass.SSO, "c-2")


def prompt(endpoint: Endpoint, **document: Any) -> Prompt:
    return with_attachments(read_prompt(endpoint, json.dumps({"model": "m", **document}).encode()))


def chat(*texts: str, system: str = "", **more: Any) -> Prompt:
    """Of user and assistant in turn."""
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(texts)]
    return prompt(Endpoint.CHAT_COMPLETIONS, messages=messages, **more)


def conversation(asked: Prompt, caller: Principal = ADA, ids: Sequence[str] = ()) -> Conversation:
    return identify(caller, asked, ids, KEY)
