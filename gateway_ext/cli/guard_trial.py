"""What came out of `guard test`, for people and for machines."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_ext.cli.excerpts import excerpts, in_brackets, in_colour
from gateway_ext.cli.table import table
from gateway_ext.errors import Refusal
from gateway_ext.exchange import Finding, Text
from gateway_ext.guard.rules import Action
from gateway_ext.verdict import Allow, Deny, Redact, Verdict, requires_sovereign_route

COLUMNS = ("DETECTOR", "CLASS", "ACTION", "CONFIDENCE", "ROLE", "PLACE", "CHARACTERS", "FINGERPRINT")


@dataclass(frozen=True, slots=True)
class Trial:
    """What came out. `refusal` is set instead of `verdict` where the Guard gives none. `is_keyed`: fingerprints are real."""

    read_as: str
    texts: tuple[Text, ...]
    policy_digest: str
    is_keyed: bool
    verdict: Verdict | None
    refusal: Refusal | None

    @property
    def is_blocked(self) -> bool:
        return self.refusal is not None or isinstance(self.verdict, Deny)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.verdict.findings if self.verdict is not None else ()


def as_json(trial: Trial, *, with_values: bool) -> dict[str, Any]:
    """As plain values; what was found only `with_values`."""
    verdict = trial.verdict
    return {
        "verdict": "refuse" if verdict is None else type(verdict).__name__.lower(),
        "reason": trial.refusal.code if trial.refusal else verdict.reason if isinstance(verdict, Deny) else None,
        "sovereign": verdict is not None and requires_sovereign_route(verdict),
        "policy_digest": trial.policy_digest,
        "read_as": trial.read_as,
        "findings": [
            {
                "detector": finding.detector,
                "detector_version": finding.detector_version,
                "data_class": finding.data_class,
                "action": finding.action,
                "sovereign": finding.sovereign,
                "confidence": finding.confidence,
                "role": finding.role,
                "place": finding.place,
                "text_index": finding.text_index,
                "start": finding.start,
                "end": finding.end,
                "fingerprint": finding.fingerprint if trial.is_keyed else None,
            }
            | ({"value": _value(trial.texts, finding)} if with_values else {})
            for finding in trial.findings
        ],
    }


def _value(texts: Sequence[Text], finding: Finding) -> str:
    return texts[finding.text_index].value[finding.start : finding.end]


def print_trial(trial: Trial) -> None:
    """The texts with what was found in them, a table, and what to do next."""
    print(f"{trial.read_as}; policy {trial.policy_digest[:12]}\n")
    mark = in_colour if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else in_brackets
    for index in sorted({finding.text_index for finding in trial.findings}):
        text = trial.texts[index]
        within = [finding for finding in trial.findings if finding.text_index == index]
        print(f"{text.place} ({text.role or 'no role'})")
        print("\n".join(f"  {line}" for line in excerpts(text.value, within, mark)), end="\n\n")
    if trial.findings:
        print(table(COLUMNS, (_cells(finding, is_keyed=trial.is_keyed) for finding in trial.findings)), end="\n\n")
    print(_conclusion(trial))
    for line in _advice(trial):
        print(line)


def _cells(finding: Finding, *, is_keyed: bool) -> tuple[str, ...]:
    return (
        finding.detector,
        finding.data_class,
        finding.action + (" + sovereign" if finding.sovereign else ""),
        f"{finding.confidence:.2f}",
        finding.role,
        finding.place,
        f"{finding.start}–{finding.end}",
        finding.fingerprint if is_keyed else "–",
    )


def _conclusion(trial: Trial) -> str:
    sovereign = trial.verdict is not None and requires_sovereign_route(trial.verdict)
    only = ", to sovereign deployments only" if sovereign else ""
    match trial.verdict:
        case None:
            assert trial.refusal is not None
            return f"Would not be sent: {trial.refusal.http_status} {trial.refusal.code}: {trial.refusal}"
        case Deny(reason=reason):
            return f"Would not be sent: {reason}"
        case Redact(edits=edits):
            return f"Would be sent with {len(edits)} replaced{only}"
        case Allow(findings=()):
            return "Would be sent: nothing found"
        case Allow():
            return f"Would be sent as it is{only}"


def _advice(trial: Trial) -> Iterator[str]:
    findings: Sequence[Finding] = trial.findings
    if trial.refusal is not None:
        return
    if not findings:
        yield "If there is something: gateway-ext policy check shows what is on, docs/guard.md what is not covered."
        return
    if any(finding.action == Action.LOG for finding in findings):
        yield "Logged only: an 'action' in guard.yaml makes it redact or block (docs/guard.md)."
    if not trial.is_keyed:
        yield "There is no key in the state directory, so these findings have no fingerprint; --state says where it is."
        return
    first = findings[0]
    yield f"A false alarm? gateway-ext guard mark {first.fingerprint} --detector {first.detector} --false"
    yield f"Right, but harmless? gateway-ext guard allow {first.fingerprint} --detector {first.detector} --reason …"
