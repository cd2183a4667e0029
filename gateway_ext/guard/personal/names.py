"""Detectors of personal data. Imports nothing: policy checks its rules against these names."""

NAMES = ("email", "fr_nir", "iban", "ip_public", "payment_card", "phone")

NATIONAL_IDENTIFIERS: tuple[str, ...] = ()
"""Personal, tax and VAT numbers of one country each; their names begin with its ISO 3166 code."""
