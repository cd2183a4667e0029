"""From texts to the values in them: prefilter → passages → confirmation, in steps of bounded cost."""

from __future__ import annotations

import logging
from collections.abc import Collection, Generator, Iterator, Sequence

import hyperscan

from gateway_ext.errors import InternalFailure
from gateway_ext.guard.cache import Match, MatchCache
from gateway_ext.guard.detector import Classifier, Detector, Kind, Span, TooManyCandidates
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.guard.passages import passage_at
from gateway_ext.guard.prefilter import Hit, Prefilter
from gateway_ext.guard.profile import Profile
from gateway_ext.guard.views.view import View, has_views, views
from gateway_ext.limits import GUARD_CACHE_MATCHES_MAX, GUARD_CANDIDATES_MAX

_log = logging.getLogger(__name__)

Steps = Generator[Kind, None, tuple[Match, ...]]
"""Yields, before each step, the kind it looks for."""


class Scanner:
    """Finds what all detectors find, whatever policy makes of it, so that a text is judged once for all policies."""

    def __init__(self, detectors: Sequence[Detector], fingerprints: Fingerprints) -> None:
        self._detectors = tuple(detectors)
        self.kinds = tuple(Kind(one.name, one.version, one.data_class) for one in detectors)
        self.fingerprints = fingerprints
        self._prefilter = Prefilter([detector.patterns for detector in self._detectors])
        self.cache = MatchCache(GUARD_CACHE_MATCHES_MAX)

    def scan(self, texts: Sequence[str], profile: Profile, skipped: Collection[str] = ()) -> Scan:
        """An inspection of `texts`, to be driven by the caller. Detectors named in `skipped` are left out."""
        return Scan(self, texts, profile, skipped)

    def matches(self, text: str, profile: Profile) -> tuple[Match, ...]:
        """All matches in one text, at once. Raises as Scan.steps."""
        scan = self.scan([text], profile)
        if scan.is_clean():
            return ()
        steps = scan.steps(0)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: tuple[Match, ...] = end.value
                return found

    def hits(self, view: View) -> list[Hit]:
        """Where which detectors have something to confirm. Raises TooManyCandidates and InternalFailure."""
        data = view.text.encode("utf-8", "replace")  # lone surrogates as `?`: Hyperscan may be given nothing else
        try:
            hits = self._prefilter.hits(data, GUARD_CANDIDATES_MAX)
        except hyperscan.error as error:
            failure = type(error).__name__
        else:
            return hits if len(data) == len(view.text) else _in_code_points(data, hits)
        _log.error("the prefilter failed: %s", failure)
        raise InternalFailure

    def confirmed(self, view: View, index: int, start: int, end: int) -> list[Match]:
        """What detector `index` confirms in a passage of `view`. Raises InternalFailure when it fails."""
        detector = self._detectors[index]
        try:
            spans = list(detector.confirm(view.text, start, end))
        except Exception as error:  # noqa: BLE001  (whatever a library raises, the request is refused)
            failure = type(error).__name__
        else:
            return [self._match(self.kinds[index], span, view) for span in spans if span.start < span.end]
        # Raised out here so that the library's exception, which may quote the text, is not chained to ours.
        _log.error("detector %s failed: %s", detector.name, failure)
        raise InternalFailure

    def classified(self, classifier: Classifier, texts: Sequence[str]) -> list[list[Match]]:
        """What `classifier` finds in each text. Raises InternalFailure when it fails."""
        kinds = classifier.kinds
        try:
            found = classifier.spans(texts)
        except Exception as error:  # noqa: BLE001  (as in confirmed)
            failure = type(error).__name__
        else:
            return [[self._match(kinds[kind], span, None) for kind, span in spans] for spans in found]
        _log.error("classifier %s failed: %s", kinds[0].name, failure)
        raise InternalFailure

    def _match(self, kind: Kind, span: Span, view: View | None) -> Match:
        start, end = (span.start, span.end) if view is None else view.original(span.start, span.end)
        return Match(kind, start, end, span.confidence, self.fingerprints.of_value(span.value))


class Scan:
    """Some texts on their way through one scanner under one profile."""

    __slots__ = ("_classified", "_keys", "_known", "_profile", "_scanner", "_skipped", "_texts")

    # Looking texts up costs a microsecond per kilobyte, so it is left to whoever drives the scan.

    def __init__(self, scanner: Scanner, texts: Sequence[str], profile: Profile, skipped: Collection[str]) -> None:
        self._scanner = scanner
        self._texts = texts
        self._profile = profile
        self._skipped = skipped
        self._keys: list[bytes] = []
        self._known: list[tuple[Match, ...] | None] = []
        self._classified: dict[int, list[Match]] | None = None

    def is_clean(self) -> bool:
        """Whether nothing can be found, told by one pass over all new texts at once: so it is with most requests.

        Patterns read the end of a line as they read the end of a text (see Prefilter), so a text that has a hit alone
        has it here, too. False also when that cannot be told so cheaply. Raises InternalFailure.
        """
        self._look_up()
        if any(self._known):
            return False
        unknown = [index for index, matches in enumerate(self._known) if matches is None]
        if not unknown:
            return True
        joined = "\n".join([self._texts[index] for index in unknown])
        try:
            if has_views(joined) or self._scanner.hits(View(joined)) or self._classify():
                return False
        except TooManyCandidates:
            return False
        self._scanner.cache.put_all([(self._keys[index], ()) for index in unknown])
        return True

    def steps(self, index: int) -> Steps:
        """Yields between steps; returns the matches of text `index`, in order.

        Raises TooManyCandidates, and InternalFailure when a detector fails: no detector is ever left out by itself.
        """
        self._look_up()
        known = self._known[index]
        if known is not None:
            return known
        text = self._texts[index]
        found: list[Match] = []
        is_complete = True
        for view in views(text):
            for detector, start, end in _passages(view.text, self._scanner.hits(view)):
                kind = self._scanner.kinds[detector]
                yield kind
                if kind.name in self._skipped:
                    is_complete = False
                    continue
                found.extend(self._scanner.confirmed(view, detector, start, end))
        found.extend(self._classify().get(index, ()))
        matches = distinct(found)
        if is_complete:
            self._scanner.cache.put(self._keys[index], matches)
        return matches

    def _look_up(self) -> None:
        if len(self._keys) < len(self._texts):
            self._keys = [self._scanner.fingerprints.of_text(text, self._profile.id) for text in self._texts]
            self._known = self._scanner.cache.get_all(self._keys)

    def _classify(self) -> dict[int, list[Match]]:
        """What the profile's classifiers find in the new texts, all read in one go the first time one is asked for."""
        if self._classified is None:
            self._classified = {}
            unknown = [index for index, matches in enumerate(self._known) if matches is None]
            texts = [self._texts[index] for index in unknown]
            for classifier in self._profile.classifiers:
                for index, matches in zip(unknown, self._scanner.classified(classifier, texts), strict=True):
                    if matches:
                        self._classified.setdefault(index, []).extend(matches)
        return self._classified


def distinct(matches: Sequence[Match]) -> tuple[Match, ...]:
    """Matches without those that lie within another one of the same detector."""
    kept: list[Match] = []
    reach: dict[str, int] = {}
    for match in sorted(matches, key=lambda m: (m.start, -m.end, m.kind.name, -m.confidence)):
        if match.end > reach.get(match.kind.name, -1):
            reach[match.kind.name] = match.end
            kept.append(match)
    return tuple(kept)


def _passages(text: str, hits: Sequence[Hit]) -> Iterator[tuple[int, int, int]]:
    """Each passage that detectors have hits in: detector, start, end."""
    seen: set[tuple[int, int, int]] = set()
    for detector, position in hits:
        passage = (detector, *passage_at(text, position))
        if passage not in seen:
            seen.add(passage)
            yield passage


def _in_code_points(data: bytes, hits: Sequence[Hit]) -> list[Hit]:
    converted: list[Hit] = []
    position = characters = 0
    for detector, offset in sorted(hits, key=lambda hit: hit[1]):
        characters += len(data[position : offset + 1].decode("utf-8", "ignore"))
        position = offset + 1
        converted.append((detector, characters - 1))
    return converted
