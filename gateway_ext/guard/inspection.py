"""The inspection of one request, driven step by step by whoever has time for it: the event loop, then a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gateway_ext.exchange import Finding, Text
from gateway_ext.guard.cache import Match
from gateway_ext.guard.catalog import TIMEOUT, TIMEOUT_CLASS
from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.rules import Action, GuardRules
from gateway_ext.guard.scanner import Scanner
from gateway_ext.limits import FINDINGS_MAX, GUARD_CANDIDATES_MAX
from gateway_ext.verdict import Deny


class Inspection:
    """`findings` are those of `rules` so far; `refusal` is set when inspection was given up for a reason."""

    def __init__(self, scanner: Scanner, texts: Sequence[Text], rules: GuardRules) -> None:
        self.findings: list[Finding] = []
        self.refusal: Deny | None = None
        self._scanner = scanner
        self._texts = texts
        self._rules = rules
        self._text_index = 0
        self._steps = self._inspect()

    def run(self, monotonic_ns: Callable[[], int], until_ns: int) -> bool:
        """Inspect until done or until `until_ns`; True when done. Raises InternalFailure when a detector fails."""
        while monotonic_ns() < until_ns:
            try:
                next(self._steps)
            except StopIteration:
                return True
        return False

    def _inspect(self) -> Iterator[None]:
        for index, text in enumerate(self._texts):
            self._text_index = index
            try:
                matches = yield from self._scanner.steps(text.value)
            except TooManyCandidates:
                reason = f"more than {GUARD_CANDIDATES_MAX} candidates in one text"
                self.refusal = Deny(tuple(self.findings), reason)
                return
            for match in matches:
                self._note(match, text)
            if len(self.findings) > FINDINGS_MAX:
                return  # judged as too many, whatever else there is
            yield

    def _note(self, match: Match, text: Text) -> None:
        detector = self._scanner.detectors[match.detector]
        rule = self._rules.rule(detector.name, detector.data_class)
        if rule.is_enabled:
            self.findings.append(
                Finding(
                    detector=detector.name,
                    detector_version=detector.version,
                    data_class=detector.data_class,
                    text_index=self._text_index,
                    place=text.place,
                    start=match.start,
                    end=match.end,
                    confidence=match.confidence,
                    action=rule.action.value,
                    sovereign=rule.sovereign,
                    fingerprint=match.fingerprint,
                )
            )

    def timeout_finding(self) -> Finding:
        """Marks the text at which time ran out. What was not read may be what policy keeps on a sovereign route."""
        every_rule = (*self._rules.classes.values(), *self._rules.detectors.values())
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
            sovereign=any(rule.sovereign for rule in every_rule if rule.is_enabled),
            fingerprint="",
        )
