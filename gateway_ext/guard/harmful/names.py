"""Kinds of harmful content. Imports nothing: policy checks its rules against these names."""

NAMES: tuple[str, ...] = ()
