"""What the Guard says about a request. A verdict is not an action: the action is what policy makes of each finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway_ext.exchange import Finding


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `[start, end)` (code points) of text `text_index` by `replacement`. Edits of one text never overlap."""

    text_index: int
    start: int
    end: int
    replacement: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Allow:
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Redact:
    """`originals` maps placeholders among the edits to what they stand for; it stays in memory until the answer passed."""

    findings: tuple[Finding, ...]
    edits: tuple[Edit, ...]
    originals: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Deny:
    """`reason` names detectors, never values."""

    findings: tuple[Finding, ...]
    reason: str


Verdict = Allow | Redact | Deny


def requires_sovereign_route(verdict: Verdict) -> bool:
    """Whether any finding, redacted or not, carries policy's `sovereign` mark."""
    return any(finding.sovereign for finding in verdict.findings)
