"""Detectors of attempts to take over the model. Imports nothing: policy checks its rules against these names."""

NAMES: tuple[str, ...] = ()
