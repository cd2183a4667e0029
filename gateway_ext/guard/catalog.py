"""The names of all detectors. Imports nothing heavy: policy checks its rules against these names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PERSONAL = "personal"
SECRET = "secret"  # noqa: S105  (a data class, not a password)

_PERSONAL_NAMES = ("email", "fr_nir", "iban", "ip_public", "payment_card", "phone")

_SECRET_NAMES = (
    "artifactory_token",
    "aws_key",
    "azure_storage_key",
    "basic_auth",
    "cloudant_key",
    "discord_token",
    "github_token",
    "gitlab_token",
    "high_entropy_base64",
    "high_entropy_hex",
    "ibm_cloud_key",
    "ibm_cos_key",
    "jwt",
    "mailchimp_key",
    "npm_token",
    "openai_key",
    "private_key",
    "pypi_token",
    "secret_keyword",
    "sendgrid_key",
    "slack_token",
    "softlayer_key",
    "square_oauth",
    "stripe_key",
    "telegram_token",
    "twilio_key",
)

DETECTORS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(_PERSONAL_NAMES, PERSONAL) | dict.fromkeys(_SECRET_NAMES, SECRET)
)
"""Detector name → data class. Public IP addresses are personal data (CJEU C-582/14, Breyer)."""

TIMEOUT = "guard_timeout"
"""Name of the finding that marks where inspection stopped, for policies that do not deny on timeout."""

TIMEOUT_CLASS = "guard"


def replacement(detector: str, data_class: str) -> str:
    """What a redacted value becomes: `[SECRET]`, or the kind of personal datum, e.g. `[IBAN]`."""
    return "[SECRET]" if data_class == SECRET else f"[{detector.upper()}]"
