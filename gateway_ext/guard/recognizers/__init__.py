"""Presidio recognizers for European personal data, one file per kind. They need no language model and no network."""
