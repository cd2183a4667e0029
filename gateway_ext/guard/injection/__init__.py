"""Attempts to take over the model: injection and jailbreak."""
