"""Requests that only ask how many tokens another one has. They are judged as that one; nothing generates, so nothing is paid."""

from __future__ import annotations

from dataclasses import replace

from gateway_ext.attachments.finding import with_attachments
from gateway_ext.dialects import requests
from gateway_ext.dialects.strict_json import encode
from gateway_ext.exchange import Candidate, Endpoint, Prompt
from gateway_ext.routing.rules import VirtualModel
from gateway_ext.tokens.counter import Counter
from gateway_ext.verdict import Allow, Redact


def answering(endpoint: Endpoint, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Those of `candidates` that answer: all, but where a count is asked for, which not every deployment can tell."""
    return tuple(each for each in candidates if each.wire(endpoint))


async def own_count(prompt: Prompt, verdict: Allow | Redact, model: VirtualModel, counter: Counter) -> int:
    """The gateway's own count of the input tokens of `prompt`, as `verdict` lets it pass."""
    counted = _redacted(prompt, verdict) if isinstance(verdict, Redact) and verdict.edits else prompt
    return await counter.likely(counted, model.tokenizer)


def _redacted(prompt: Prompt, verdict: Redact) -> Prompt:
    draft = requests.drafted(prompt, model=None, include_usage=False, edits=verdict.edits)
    redacted = with_attachments(requests.read_prompt(prompt.endpoint, encode(draft.document)))
    places = {each.pointer for each in prompt.attachments}
    read = tuple(text for text in prompt.texts if text.is_key and text.pointer in places)
    return replace(redacted, texts=redacted.texts + read)
