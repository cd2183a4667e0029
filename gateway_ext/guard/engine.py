"""The Guard: inspects the texts of a request against policy's rules, within a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

from gateway_ext.clock import SystemClock
from gateway_ext.errors import GuardTimedOut
from gateway_ext.exchange import Text
from gateway_ext.guard.cache import Match
from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.guard.confidential import detectors as confidential
from gateway_ext.guard.confidential.canary import CANARY, leaked
from gateway_ext.guard.databases import DatabaseFile
from gateway_ext.guard.detector import Classifier, Detector, Kind
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.guard.harmful import detectors as harmful
from gateway_ext.guard.injection import detectors as injection
from gateway_ext.guard.inspection import Inspection
from gateway_ext.guard.judgement import judge
from gateway_ext.guard.personal import detectors as personal
from gateway_ext.guard.policy import GuardPolicy
from gateway_ext.guard.profile import Profile, Profiles
from gateway_ext.guard.rules import GuardRules
from gateway_ext.guard.scanner import Scanner
from gateway_ext.guard.secrets import detectors as secrets
from gateway_ext.limits import GUARD_INLINE_CHARACTERS_MAX, GUARD_INLINE_SECONDS, GUARD_THREADS
from gateway_ext.verdict import Allow, Verdict

Classifiers = Callable[[], Sequence[Classifier]]


def shipped_detectors() -> list[Detector]:
    """One detector for each name of the catalogue that no classifier bears."""
    return [
        *personal.detectors(),
        *secrets.detectors(),
        *confidential.detectors(),
        *injection.detectors(),
        *harmful.detectors(),
    ]


def _effort(value: str) -> int:
    """Characters; those of a text that may have to be folded count four times."""
    return len(value) if value.isascii() else 4 * len(value)


class GuardEngine:
    """Implements ports.Guard. Construct once per process: compiling the patterns takes seconds.

    `fingerprint_key` has at least 16 bytes, else ConfigurationError. `registered` gives classifiers that come and go
    while the process runs, such as that of the registered documents. Small requests are inspected at once; large
    ones, and what takes longer than GUARD_INLINE_SECONDS, in a thread, so that other requests go on meanwhile.
    `database_path`: a file, in a private directory, that keeps what was compiled for the next start.
    """

    def __init__(
        self,
        fingerprint_key: bytes,
        detectors: Sequence[Detector] | None = None,
        clock: SystemClock | None = None,
        registered: Classifiers = tuple,
        database_path: Path | None = None,
    ) -> None:
        fingerprints = Fingerprints(fingerprint_key)
        file = DatabaseFile(database_path, fingerprint_key) if database_path else None
        self._scanner = Scanner(shipped_detectors() if detectors is None else detectors, fingerprints, file)
        self._registered = registered
        self._profiles = Profiles()
        self._monotonic_ns = (clock or SystemClock()).monotonic_ns
        self._threads = ThreadPoolExecutor(GUARD_THREADS, thread_name_prefix="guard")

    @staticmethod
    def detector_names() -> Mapping[str, str]:
        """Detector name → data class, of all shipped detectors."""
        return DETECTORS

    async def inspect(self, texts: Sequence[Text], rules: GuardRules) -> Verdict:
        """Judge all texts of a request.

        Past `rules.deadline_seconds`: GuardTimedOut if the rules deny on timeout, else the verdict on what was found,
        with a finding `guard_timeout` at the text that was not read to its end; it is sovereign if any rule is.
        The same when one detector takes longer than `rules.detector_deadline_seconds`.
        Raises InternalFailure when a detector fails.
        """
        started_ns = self._monotonic_ns()
        deadline_ns = started_ns + int(rules.deadline_seconds * 1e9)
        is_done = False
        is_small = sum(_effort(text.value) for text in texts) <= GUARD_INLINE_CHARACTERS_MAX
        inspection = Inspection(self._scanner, texts, rules, self._profile(rules))
        if is_small and started_ns < deadline_ns and inspection.is_clean():
            return Allow()
        if is_small:
            inline_until_ns = min(deadline_ns, started_ns + int(GUARD_INLINE_SECONDS * 1e9))
            is_done = inspection.run(self._monotonic_ns, inline_until_ns)
        if not is_done:
            is_done = await self._run_in_thread(inspection, deadline_ns)
        if inspection.refusal:
            return inspection.refusal
        findings = list(inspection.findings)
        if not is_done or inspection.slow:
            if rules.denies_on_timeout:
                raise GuardTimedOut
            findings.append(inspection.timeout_finding())
        return judge(texts, findings)

    def prepare(self, policy: GuardPolicy) -> None:
        """Build what inspections under `policy` need; else the first of them would wait for it."""
        for rules in (policy.request, policy.response):
            self._profile(rules)

    def kinds(self, rules: GuardRules) -> Iterator[Kind]:
        """All kinds that may be found under `rules`."""
        yield from self._scanner.kinds
        for classifier in self._profile(rules).classifiers:
            yield from classifier.kinds

    def matches(self, text: str, rules: GuardRules) -> tuple[Match, ...]:
        """All matches in one text, in order, whatever `rules` make of each; from `rules` come only the classifiers.

        For texts that change all the time, such as the end of an answer: nothing is remembered. Takes no longer than
        a text of this length can take, so give it short ones. Raises TooManyCandidates, and InternalFailure when a
        detector fails.
        """
        return self._scanner.matches(text, self._profile(rules))

    def leaks(self, text: str, canaries: Collection[str]) -> tuple[Match, ...]:
        """Where any of `canaries`, which the request's prompts hold, stands in `text`, in disguise, too."""
        of_value = self._scanner.fingerprints.of_value
        return tuple(
            Match(CANARY, span.start, span.end, span.confidence, of_value(span.value))
            for span in leaked(text, canaries)
        )

    def _profile(self, rules: GuardRules) -> Profile:
        registered = [one for one in self._registered() if any(kind.name in rules.classifiers for kind in one.kinds)]
        return self._profiles.of([*shipped_classifiers(rules.classifiers), *rules.dictionaries, *registered])

    async def _run_in_thread(self, inspection: Inspection, deadline_ns: int) -> bool:
        remaining_seconds = (deadline_ns - self._monotonic_ns()) / 1e9
        if remaining_seconds <= 0:
            return False
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, inspection.run, self._monotonic_ns, deadline_ns)
        try:
            return await asyncio.wait_for(running, remaining_seconds)
        except TimeoutError:
            return False  # the thread ends at its next step

    def close(self) -> None:
        """Let running inspections end and release the threads."""
        self._threads.shutdown()


@lru_cache(maxsize=8)
def shipped_classifiers(enabled: frozenset[str]) -> tuple[Classifier, ...]:
    """Those that policy enables, built once for each set of names."""
    return (*confidential.classifiers(enabled), *injection.classifiers(enabled), *harmful.classifiers(enabled))
