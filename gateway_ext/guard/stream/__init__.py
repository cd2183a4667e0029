"""Inspection of a model's text while it arrives in pieces."""
