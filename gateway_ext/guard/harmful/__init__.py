"""Harmful content, by category."""
