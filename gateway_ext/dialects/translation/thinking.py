"""How hard a model is to think: OpenAI's `reasoning_effort` and Anthropic's `thinking` with `output_config.effort`."""

from __future__ import annotations

from typing import Any

from gateway_ext.dialects.translation.contract import Thinking
from gateway_ext.dialects.translation.fields import Members
from gateway_ext.errors import NotTranslatable

_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
"""Anthropic's word for each of OpenAI's."""

_SHARES = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.9, "max": 0.95}
"""Of the output limit, which both dialects count thoughts in, that an effort may think where models are told a number."""

_KNOWN_TO_ALL = ("low", "medium", "high")  # every chat model that reasons understands these
_BUDGET_TOKENS_MIN = 1024  # Anthropic's


def to_messages(effort: str, form: Thinking, max_tokens: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """`thinking`, and what belongs into `output_config`. Raises NotTranslatable."""
    if effort == "none":
        return {"type": "disabled"}, {}
    if effort not in _EFFORTS:
        raise NotTranslatable("reasoning_effort", "this effort is unknown")
    if form is Thinking.ADAPTIVE:
        return {"type": "adaptive"}, {"effort": _EFFORTS[effort]}
    budget_tokens = max(_BUDGET_TOKENS_MIN, int(_SHARES[effort] * max_tokens))
    if budget_tokens >= max_tokens:
        raise NotTranslatable("reasoning_effort", f"an output limit above {_BUDGET_TOKENS_MIN} tokens is needed for it")
    return {"type": "enabled", "budget_tokens": budget_tokens}, {}


def to_chat(thinking: Members | None, effort: str | None, max_tokens: int) -> str | None:
    """`reasoning_effort`; None: as the provider does by default. Raises NotTranslatable."""
    if thinking is None:
        return effort
    kind = thinking.text("type")
    thinking.leave_out("display")  # asks for the wording of thoughts in the answer: see wants_thoughts()
    budget_tokens = thinking.take("budget_tokens") if kind == "enabled" else None
    thinking.end()
    match kind:
        case "disabled":
            return "none"
        case "adaptive":
            return effort
        case "enabled" if type(budget_tokens) is int and max_tokens > 0:
            share = budget_tokens / max_tokens
            return effort or min(_KNOWN_TO_ALL, key=lambda known: abs(_SHARES[known] - share))
    return thinking.refuse("type")


def wants_thoughts(thinking: object) -> bool:
    """Whether a Messages request with this `thinking` is to be answered with thoughts that can be read."""
    return (
        isinstance(thinking, dict)
        and thinking.get("type") in ("enabled", "adaptive")
        and thinking.get("display") != "omitted"
    )
