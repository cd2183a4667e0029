"""The names of all detectors. Imports nothing heavy: policy checks its rules against these names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway_ext.attachments import names as attachments
from gateway_ext.guard.confidential import names as confidential
from gateway_ext.guard.harmful import names as harmful
from gateway_ext.guard.injection import names as injection
from gateway_ext.guard.personal import names as personal
from gateway_ext.guard.secrets import names as secrets

PERSONAL = "personal"
SECRET = "secret"  # noqa: S105  (a data class, not a password)
CONFIDENTIAL = "confidential"
INJECTION = "injection"
HARMFUL = "harmful"

CLASSES = (PERSONAL, SECRET, CONFIDENTIAL, INJECTION, HARMFUL)

DETECTORS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys((*personal.NAMES, *personal.NATIONAL_IDENTIFIERS, personal.PERSON_NAME), PERSONAL)
    | dict.fromkeys(secrets.NAMES, SECRET)
    | dict.fromkeys((*confidential.NAMES, *attachments.NAMES), CONFIDENTIAL)
    | dict.fromkeys(injection.NAMES, INJECTION)
    | dict.fromkeys(harmful.NAMES, HARMFUL)
)
"""Detector name → data class. Public IP addresses are personal data (CJEU C-582/14, Breyer)."""

ROLES: Mapping[str, frozenset[str]] = MappingProxyType({**injection.ROLES, **confidential.ROLES})
"""Detector name → roles of the texts that it is for, where it is not for all."""

TIMEOUT = "guard_timeout"
"""Name of the finding that marks where inspection stopped, for policies that do not deny on timeout."""

TIMEOUT_CLASS = "guard"


def replacement(detector: str, data_class: str) -> str:
    """What a redacted value becomes: `[SECRET]`, or the kind of datum, e.g. `[IBAN]`."""
    return "[SECRET]" if data_class == SECRET else f"[{detector.upper()}]"
