"""All credentials with a form of their own. Data only: policy learns the names of detectors from it."""

from __future__ import annotations

from gateway_ext.guard.secrets import families_cloud, families_code, families_models, families_saas

FAMILIES = (
    *families_cloud.FAMILIES,
    *families_models.FAMILIES,
    *families_code.FAMILIES,
    *families_saas.FAMILIES,
)
