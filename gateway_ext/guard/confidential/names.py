"""Detectors of confidential business content. Imports nothing heavy: policy checks its rules against these names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NAMES: tuple[str, ...] = (
    "canary",
    "contract_clause",
    "label_classification",
    "label_mip",
    "label_tlp",
    "registered_document",
    "source_code",
)

ROLES: Mapping[str, frozenset[str]] = MappingProxyType(
    {"canary": frozenset({"user", "assistant", "tool", "function"})}  # system prompts are where it belongs
)
"""Detectors that make sense in texts of some roles only."""

DICTIONARY_NAME = r"[a-z][a-z0-9_]{0,47}"
"""What an operator may call a dictionary: a regular expression to be matched whole."""


def dictionary_kind(name: str) -> str:
    """The detector name of an operator's dictionary, as rules of policy write it.

    A name with this prefix is known exactly when policy declares a dictionary of that name; it is never in `NAMES`.
    """
    return f"dictionary_{name}"
