"""Kinds of harmful content. Imports nothing: policy checks its rules against these names."""

NAMES: tuple[str, ...] = (
    "harmful_harassment",
    "harmful_hate",
    "harmful_self_harm",
    "harmful_sexual",
    "harmful_sexual_minors",
    "harmful_violence",
)
