"""From findings to a verdict: pure, and the same for every detector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gateway_ext.exchange import Finding, Text
from gateway_ext.guard.catalog import SECRET, replacement
from gateway_ext.guard.pseudonyms import Pseudonyms
from gateway_ext.guard.rules import REPLACED, Action
from gateway_ext.limits import FINDINGS_MAX
from gateway_ext.verdict import Allow, Deny, Edit, Redact, Verdict


def judge(texts: Sequence[Text], findings: Sequence[Finding]) -> Verdict:
    """Block beats redact beats pseudonymize beats log. What cannot be replaced in place is denied."""
    found = tuple(findings)
    if len(found) > FINDINGS_MAX:
        return Deny(found[:FINDINGS_MAX], f"more than {FINDINGS_MAX} findings in one request")
    blocking = [finding for finding in found if finding.action == Action.BLOCK]
    if blocking:
        return Deny(found, f"blocked: {_names(blocking)}")
    replaced = [finding for finding in found if finding.action in REPLACED]
    fixed = [finding for finding in replaced if texts[finding.text_index].is_key]
    if fixed:
        return Deny(found, f"cannot be redacted in place: {_names(fixed)}")
    if not replaced:
        return Allow(found)
    pseudonyms = Pseudonyms(text.value for text in texts)
    edits = tuple([_edit(texts, group, pseudonyms) for group in _overlapping(replaced)])
    return Redact(found, edits, pseudonyms.originals)


def _names(findings: Iterable[Finding]) -> str:
    return ", ".join(sorted({finding.detector for finding in findings}))


def _overlapping(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """Groups of findings that overlap: replaced as one, no part of any value stays. In the order of the texts."""
    group: list[Finding] = []
    end = 0
    for finding in sorted(findings, key=lambda one: (one.text_index, one.start, -one.end)):
        if group and (finding.text_index != group[0].text_index or finding.start >= end):
            yield group
            group = []
        end = max(end, finding.end) if group else finding.end
        group.append(finding)
    if group:
        yield group


def _edit(texts: Sequence[Text], group: Sequence[Finding], pseudonyms: Pseudonyms) -> Edit:
    """Named after a secret among the findings, else after the longest of them."""
    text_index, start, end = group[0].text_index, group[0].start, max(finding.end for finding in group)
    chief = max(group, key=lambda finding: (finding.data_class == SECRET, finding.end - finding.start))
    if any(finding.action != Action.PSEUDONYMIZE for finding in group):
        return Edit(text_index, start, end, replacement(chief.detector, chief.data_class))
    original = texts[text_index].value[start:end]
    key = chief.fingerprint if (start, end) == (chief.start, chief.end) else original
    return Edit(text_index, start, end, pseudonyms.placeholder(chief.detector, key, original))
