"""Requests in any dialect the gateway speaks: read, rewritten for a provider, aimed at another one."""

from __future__ import annotations

from gateway_ext.dialects import anthropic_read, openai_read
from gateway_ext.dialects.request_edits import drafted, replace_model, rewrite
from gateway_ext.exchange import Dialect, Endpoint, Prompt

__all__ = ["drafted", "read_prompt", "replace_model", "rewrite"]


def read_prompt(endpoint: Endpoint, body: bytes) -> Prompt:
    """The request in `body` (JSON, no content coding). Raises BodyInvalid; its `param` names the field to repair."""
    if endpoint.dialect is Dialect.ANTHROPIC:
        return anthropic_read.read_prompt(endpoint, body)
    return openai_read.read_prompt(endpoint, body)
