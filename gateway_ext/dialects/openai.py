"""OpenAI's dialect: the callers' side of the gateway speaks it, and so do most providers. Answers of our own are here."""

from __future__ import annotations

from collections.abc import Sequence

from gateway_ext.dialects.openai_edit import replace_model, rewrite
from gateway_ext.dialects.openai_read import read_prompt
from gateway_ext.dialects.strict_json import encode

__all__ = ["error_body", "models_answer", "read_prompt", "replace_model", "rewrite"]


def models_answer(names: Sequence[str], created: int, owner: str) -> bytes:
    """The list of models as GET /v1/models has it. `created` is in Unix seconds."""
    models = [{"id": name, "object": "model", "created": created, "owned_by": owner} for name in names]
    return encode({"object": "list", "data": models})


def error_body(code: str, kind: str, message: str, param: str | None) -> bytes:
    """OpenAI's error object, which its clients turn into exceptions. `kind` becomes its `type`."""
    return encode({"error": {"message": message, "type": kind, "param": param, "code": code}})
