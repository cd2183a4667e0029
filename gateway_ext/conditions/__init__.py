"""Conditions in CEL (https://cel.dev) that policy may put on rules: what they may ask, and how they are judged."""
