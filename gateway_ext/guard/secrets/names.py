"""Detectors of credentials. Imports nothing heavy: policy checks its rules against these names."""

from gateway_ext.guard.secrets.families import FAMILIES

GENERAL = (
    "authorization_header",
    "basic_auth",
    "cloudant_key",
    "connection_string",
    "curl_credentials",
    "env_secret",
    "high_entropy_base64",
    "high_entropy_hex",
    "ibm_cos_key",
    "jwt",
    "kubernetes_secret",
    "password_phrase",
    "private_key",
    "secret_keyword",
    "softlayer_key",
)
"""What is known by its surroundings rather than by a provider's prefix."""

NAMES = tuple(sorted({*GENERAL, *(family.name for family in FAMILIES)}))
