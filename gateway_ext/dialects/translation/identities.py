"""Names of answers and of calls in them: the prefix is the dialect's, the rest the provider's own."""

from __future__ import annotations

import re

_PREFIX = re.compile(r"(?:chatcmpl-|msg_|resp_)?")


def completion_id(identity: str) -> str:
    return "chatcmpl-" + _PREFIX.sub("", identity, count=1)


def message_id(identity: str) -> str:
    return "msg_" + _PREFIX.sub("", identity, count=1)


def tool_use_id(identity: str, answer_id: str, index: int) -> str:
    """Of a call: as the provider has it. Of one without: made of the answer's, as Anthropic demands an id."""
    return identity or f"toolu_{_PREFIX.sub('', answer_id, count=1)}_{index}"
