"""How many tokens a request's input has, at least and at most.

What a provider makes of a request is its own affair, but it is made of the request: texts are encoded as they are, each
between marks that keep it apart from others, and all that stands around them (roles, names, the schemas of tools) is
written shorter than the JSON it came in. So the texts are counted, and of the rest each byte of JSON is one token. A text
may be cut differently where it meets what surrounds it: EDGE_TOKENS for each. What a template says of its own, whatever
the request, has TEMPLATE_TOKENS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway_ext.exchange import Carriage, Endpoint, Prompt, Text
from gateway_ext.limits import USAGE_ESTIMATE_BYTES_PER_TOKEN
from gateway_ext.tokens.counting import count_text
from gateway_ext.tokens.vocabularies import encoding

EDGE_TOKENS = 4
TEMPLATE_TOKENS = 128
ATTACHMENT_TOKENS = 1_600  # Anthropic, "Vision": of a picture at the largest size that is not scaled down
_SPOKEN_FIELDS = frozenset({"messages", "prompt", "input", "instructions", "system"})
_SPOKEN_KEYS = _SPOKEN_FIELDS | {"content", "text"}
_OWN_TOOLS = frozenset({"function", "custom", None})  # called by the caller; what others find comes on top
_SEARCHES = ("web_search_options", "mcp_servers")
_BATCHES = frozenset({Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS})  # of inputs, each of which has a context of its own


@dataclass(frozen=True, slots=True)
class InputTokens:
    """`at_most` is never below what a provider counts, `at_least` never above what one input of the request has."""

    at_least: int
    at_most: int


def input_tokens(prompt: Prompt, vocabulary: str, is_late: Callable[[], bool] = bool) -> InputTokens | None:
    """Blocks: about 0.15 s for a megabyte. None when the provider changes the input.

    Raises CountingLate when `is_late` said so before the end, ConfigurationError for a damaged installation.
    """
    if prompt.continues_elsewhere or _is_changed(prompt.document):
        return None
    encoder = encoding(vocabulary)
    extra_tokens = sum(each.extra_tokens for each in prompt.attachments)
    at_most = TEMPLATE_TOKENS + len(orjson.dumps(prompt.document)) + extra_tokens
    spoken: list[int] = []
    for text in _strings(prompt):
        least, most = count_text(encoder, text.value, is_late)
        at_most += most + EDGE_TOKENS - (len(orjson.dumps(text.value)) - len('""'))
        if _is_spoken(text):
            spoken.append(least)
    at_least = max(spoken, default=0) if prompt.endpoint in _BATCHES else sum(spoken)
    return InputTokens(at_least, at_most)


def message_tokens(prompt: Prompt, field: str, vocabulary: str, is_late: Callable[[], bool] = bool) -> list[int]:
    """How much `InputTokens.at_most` is lower without each of the messages in `field`. Blocks and raises as input_tokens."""
    encoder = encoding(vocabulary)
    tokens = [len(orjson.dumps(message)) + len(",") for message in prompt.document[field]]
    for text in _strings(prompt):
        if text.pointer[0] == field and type(position := text.pointer[1]) is int:
            _, most = count_text(encoder, text.value, is_late)
            tokens[position] += most + EDGE_TOKENS - (len(orjson.dumps(text.value)) - len('""'))
    for each in prompt.attachments:
        if each.pointer[0] == field and type(position := each.pointer[1]) is int:
            tokens[position] += each.extra_tokens
    return tokens


def likely_tokens(prompt: Prompt, vocabulary: str, is_late: Callable[[], bool] = bool) -> int:
    """What callers are told that a request has: neither bound, but rather too many than too few.

    Texts are counted, or without a `vocabulary` guessed by their length; all that stands around them is guessed, and an
    attachment is ATTACHMENT_TOKENS and what was read in it. Blocks and raises as input_tokens.
    """
    strings, places = _strings(prompt), {each.pointer for each in prompt.attachments}
    read = [text for text in prompt.texts if text.is_key and not text.mark and text.pointer in places]
    encoded = [text.value for text in strings]
    encoded += [each.value for each in prompt.attachments if each.carriage is Carriage.DATA]
    around_bytes = len(orjson.dumps(prompt.document)) - sum(len(orjson.dumps(value)) for value in encoded)
    attached_tokens = ATTACHMENT_TOKENS * len(prompt.attachments)
    if not vocabulary:
        return attached_tokens + _guess([*strings, *read]) + -(-around_bytes // USAGE_ESTIMATE_BYTES_PER_TOKEN)
    encoder = encoding(vocabulary)
    counted = sum(count_text(encoder, text.value, is_late)[1] for text in (*strings, *read))
    return attached_tokens + counted + -(-around_bytes // USAGE_ESTIMATE_BYTES_PER_TOKEN)


def guessed_tokens(prompt: Prompt) -> InputTokens:
    """Of a request that cannot be counted: by the length of its texts. Good enough to choose by, not to refuse by."""
    return InputTokens(0, _guess(_strings(prompt)))


def guessed_message_tokens(prompt: Prompt, field: str) -> list[int]:
    """As message_tokens, but guessed."""
    texts: list[list[Text]] = [[] for _ in prompt.document[field]]
    for text in _strings(prompt):
        if text.pointer[0] == field and type(position := text.pointer[1]) is int:
            texts[position].append(text)
    return [_guess(each) for each in texts]


def _guess(texts: Iterable[Text]) -> int:
    return sum(len(text.value.encode("utf-8", "surrogatepass")) for text in texts) // USAGE_ESTIMATE_BYTES_PER_TOKEN


def _is_changed(document: Mapping[str, Any]) -> bool:
    """Whether tools of the provider's own, or prompts kept there, add to the input, or it leaves out what is too long."""
    tools = document.get("tools")
    kinds = [tool.get("type") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    if any(isinstance(kind, str | None) and kind not in _OWN_TOOLS for kind in kinds):
        return True
    if isinstance(document.get("prompt"), dict) or document.get("truncation") == "auto":
        return True
    return any(document.get(field) is not None for field in _SEARCHES)


def _strings(prompt: Prompt) -> list[Text]:
    """Those of the document itself: what was found inside strings is a part of them."""
    strings = {text.pointer for text in prompt.texts if not text.is_key}
    return [text for text in prompt.texts if not text.is_key and text.pointer[:-1] not in strings]


def _is_spoken(text: Text) -> bool:
    """Whether the text is certain to reach the model: not a name, an id or a description."""
    keys = [step for step in text.pointer if type(step) is str]
    return keys[0] in _SPOKEN_FIELDS and keys[-1] in _SPOKEN_KEYS
