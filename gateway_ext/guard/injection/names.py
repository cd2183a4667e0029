"""Detectors of attempts to take over the model. Imports nothing heavy: policy checks its rules against these names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NAMES: tuple[str, ...] = (
    "injection_chat_template",
    "injection_exfiltration_link",
    "injection_hidden_text",
    "injection_model",
    "injection_override",
    "injection_prompt_extraction",
    "injection_role_spoof",
)

_RETRIEVED = frozenset({"tool", "function"})

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "injection_role_spoof": _RETRIEVED,
        "injection_chat_template": _RETRIEVED | {"user"},
        "injection_prompt_extraction": _RETRIEVED | {"user"},
        "injection_override": _RETRIEVED | {"user"},
        "injection_model": _RETRIEVED | {"user"},
    }
)
"""Detectors that make sense in texts of some roles only. Operators may tell a model what they like in its system prompt."""
