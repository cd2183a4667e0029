"""From findings to a verdict: pure, and the same for every detector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from gateway_ext.exchange import Finding, Text
from gateway_ext.guard.catalog import SECRET, replacement
from gateway_ext.guard.rules import Action
from gateway_ext.limits import FINDINGS_MAX
from gateway_ext.verdict import Allow, Deny, Edit, Redact, Verdict


def judge(texts: Sequence[Text], findings: Sequence[Finding]) -> Verdict:
    """Block beats redact beats log. What cannot be redacted in place (a key of an object) is denied."""
    found = tuple(findings)
    if len(found) > FINDINGS_MAX:
        return Deny(found[:FINDINGS_MAX], f"more than {FINDINGS_MAX} findings in one request")
    blocking = [finding for finding in found if finding.action == Action.BLOCK]
    if blocking:
        return Deny(found, f"blocked: {_names(blocking)}")
    redacting = [finding for finding in found if finding.action == Action.REDACT]
    in_keys = [finding for finding in redacting if texts[finding.text_index].is_key]
    if in_keys:
        return Deny(found, f"cannot be redacted in the key of an object: {_names(in_keys)}")
    return Redact(found, tuple(_edits(redacting))) if redacting else Allow(found)


def _names(findings: Iterable[Finding]) -> str:
    return ", ".join(sorted({finding.detector for finding in findings}))


def _edits(findings: Sequence[Finding]) -> Iterator[Edit]:
    """One edit for each group of overlapping findings, so that no part of a redacted value stays."""
    ordered = sorted(findings, key=lambda finding: (finding.text_index, finding.start, -finding.end))
    for text_index, in_text in groupby(ordered, key=lambda finding: finding.text_index):
        overlapping: list[Finding] = []
        end = 0
        for finding in in_text:
            if overlapping and finding.start >= end:
                yield _edit(text_index, overlapping, end)
                overlapping = []
            overlapping.append(finding)
            end = max(end, finding.end) if len(overlapping) > 1 else finding.end
        yield _edit(text_index, overlapping, end)


def _edit(text_index: int, findings: Sequence[Finding], end: int) -> Edit:
    """Named after a secret among the findings, else after the longest of them."""
    chief = max(findings, key=lambda finding: (finding.data_class == SECRET, finding.end - finding.start))
    return Edit(text_index, findings[0].start, end, replacement(chief.detector, chief.data_class))
