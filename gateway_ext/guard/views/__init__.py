"""Readings of one text, for values in disguise."""
