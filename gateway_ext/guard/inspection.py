"""The inspection of one request, driven step by step by whoever has time for it: the event loop, then a thread."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from time import thread_time_ns

from gateway_ext.exchange import Finding, Text
from gateway_ext.guard.cache import Match
from gateway_ext.guard.catalog import DETECTORS, ROLES, TIMEOUT, TIMEOUT_CLASS
from gateway_ext.guard.detector import Kind, TooManyCandidates
from gateway_ext.guard.profile import Profile
from gateway_ext.guard.rules import Action, GuardRules
from gateway_ext.guard.scanner import Scanner
from gateway_ext.limits import FINDINGS_MAX, GUARD_CANDIDATES_MAX
from gateway_ext.verdict import Deny

ALLOWED = "allowed"
"""Action of a finding whose value policy allows."""


class Inspection:
    """`findings` are those of `rules` so far; `refusal` is set when inspection was given up for a reason.

    `slow` names detectors that took longer than they may. They are left out from then on.
    """

    def __init__(self, scanner: Scanner, texts: Sequence[Text], rules: GuardRules, profile: Profile) -> None:
        self.findings: list[Finding] = []
        self.refusal: Deny | None = None
        self.slow: set[str] = set()
        self._texts = texts
        self._rules = rules
        self._has_marks = any(text.mark for text in texts)
        self._fingerprints = scanner.fingerprints
        self._scan = scanner.scan(["" if text.mark else text.value for text in texts], profile, self.slow)
        self._spent_ns: dict[str, int] = defaultdict(int)
        self._detector_ns = int(rules.detector_deadline_seconds * 1e9)
        self._kind: Kind | None = None
        self._text_index = 0
        self._steps = self._inspect()

    def is_clean(self) -> bool:
        """Whether there is nothing to find, told cheaply."""
        return self._scan.is_clean() and not self._has_marks

    def run(self, monotonic_ns: Callable[[], int], until_ns: int) -> bool:
        """Inspect until done or until `until_ns`; True when done. Raises InternalFailure when a detector fails."""
        now_ns = monotonic_ns()
        while now_ns < until_ns:
            kind = self._kind
            started_ns = thread_time_ns()  # a detector is not slow because the machine is busy
            try:
                self._kind = next(self._steps)
            except StopIteration:
                return True
            if kind is not None:
                self._charge(kind, thread_time_ns() - started_ns)
            now_ns = monotonic_ns()
        return False

    def _charge(self, kind: Kind, nanoseconds: int) -> None:
        self._spent_ns[kind.name] += nanoseconds
        if self._spent_ns[kind.name] > self._detector_ns:
            self.slow.add(kind.name)

    def _inspect(self) -> Iterator[Kind | None]:
        for index, text in enumerate(self._texts):
            self._text_index = index
            try:
                matches = yield from self._scan.steps(index)
            except TooManyCandidates:
                reason = f"more than {GUARD_CANDIDATES_MAX} candidates in one text"
                self.refusal = Deny(tuple(self.findings), reason)
                return
            if text.mark:
                matches = (self._marked(text),)
            for match in matches:
                finding = finding_of(match, index, text, self._rules)
                if finding is not None:
                    self.findings.append(finding)
            if len(self.findings) > FINDINGS_MAX:
                return  # judged as too many, whatever else there is
            yield None

    def _marked(self, text: Text) -> Match:
        kind = Kind(text.mark, "1", DETECTORS[text.mark])
        return Match(kind, 0, 0, 1.0, self._fingerprints.of_value(text.value))

    def timeout_finding(self) -> Finding:
        """Marks the text at which time ran out. What was not read may be what policy keeps on a sovereign route."""
        every_rule = (*self._rules.classes.values(), *self._rules.detectors.values())
        changes = [c for o in self._rules.overrides for c in (*o.classes.values(), *o.detectors.values())]
        return Finding(
            detector=TIMEOUT,
            detector_version="1",
            data_class=TIMEOUT_CLASS,
            text_index=self._text_index,
            place=self._texts[self._text_index].place,
            start=0,
            end=0,
            confidence=1.0,
            action=Action.LOG.value,
            sovereign=any(rule.sovereign for rule in every_rule if rule.is_enabled)
            or any(c.sovereign for c in changes),
            fingerprint="",
            role=self._texts[self._text_index].role,
        )


def finding_of(match: Match, text_index: int, text: Text, rules: GuardRules) -> Finding | None:
    """What policy makes of a match. None when it wants to hear nothing of it."""
    kind = match.kind
    if kind.name in ROLES and text.role not in ROLES[kind.name]:
        return None
    rule = rules.rule(kind.name, kind.data_class, text.role)
    if not rule.is_enabled:
        return None
    is_allowed = (kind.name, match.fingerprint) in rules.allowed
    action = rule.action
    if action is Action.PSEUDONYMIZE and not rules.can_restore:
        action = Action.REDACT
    return Finding(
        detector=kind.name,
        detector_version=kind.version,
        data_class=kind.data_class,
        text_index=text_index,
        place=text.place,
        start=match.start,
        end=match.end,
        confidence=match.confidence,
        action=ALLOWED if is_allowed else action.value,
        sovereign=rule.sovereign and not is_allowed,
        fingerprint=match.fingerprint,
        role=text.role,
    )
