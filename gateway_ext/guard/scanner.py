"""From a text to the values in it: prefilter → passages → confirmation, in steps of bounded cost."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence

import hyperscan

from gateway_ext.errors import InternalFailure
from gateway_ext.guard.cache import Match, MatchCache
from gateway_ext.guard.detector import Detector, Span, TooManyCandidates
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.guard.passages import passage_at
from gateway_ext.guard.prefilter import Hit, Prefilter
from gateway_ext.guard.views.view import View, views
from gateway_ext.limits import GUARD_CACHE_MATCHES_MAX, GUARD_CANDIDATES_MAX

_log = logging.getLogger(__name__)

Steps = Generator[None, None, tuple[Match, ...]]


class Scanner:
    """Finds what all detectors find, whatever policy makes of it, so that a text is judged once for all policies."""

    def __init__(self, detectors: Sequence[Detector], fingerprints: Fingerprints) -> None:
        self.detectors = tuple(detectors)
        self._fingerprints = fingerprints
        self._prefilter = Prefilter([detector.patterns for detector in self.detectors])
        self._cache = MatchCache(GUARD_CACHE_MATCHES_MAX)

    def finds_nothing(self, texts: Sequence[str]) -> bool:
        """Whether one pass over all texts at once has no hit, which is most requests, for the price of one call.

        Patterns read the end of a line as they read the end of a text (see Prefilter), so a text that has a hit alone
        has it here, too. False also when that cannot be told so cheaply. Raises InternalFailure.
        """
        joined = "\n".join(texts)
        try:
            return joined.isascii() and not self._hits(View(joined))
        except TooManyCandidates:
            return False

    def steps(self, text: str) -> Steps:
        """Yields between steps; returns the matches of `text`, in order.

        Raises TooManyCandidates, and InternalFailure when a detector fails: no detector is ever skipped.
        """
        readings = [(view, hits) for view in views(text) if (hits := self._hits(view))]
        if not readings:
            return ()
        key = self._fingerprints.of_text(text.encode("utf-8", "surrogatepass"))
        matches = self._cache.get(key)
        if matches is None:
            found: list[Match] = []
            for view, hits in readings:
                for detector, start, end in _passages(view.text, hits):
                    yield
                    found.extend(self._confirmed(view, detector, start, end))
            matches = distinct(found)
            self._cache.put(key, matches)
        return matches

    def _hits(self, view: View) -> list[Hit]:
        data = _encoded(view.text)
        try:
            hits = self._prefilter.hits(data, GUARD_CANDIDATES_MAX)
        except hyperscan.error as error:
            failure = type(error).__name__
        else:
            return hits if len(data) == len(view.text) else _in_code_points(data, hits)
        _log.error("the prefilter failed: %s", failure)
        raise InternalFailure

    def _confirmed(self, view: View, index: int, start: int, end: int) -> list[Match]:
        detector = self.detectors[index]
        try:
            spans = list(detector.confirm(view.text, start, end))
        except Exception as error:  # noqa: BLE001  (whatever a library raises, the request is refused)
            failure = type(error).__name__
        else:
            return [self._match(view, index, span) for span in spans if span.start < span.end]
        # Raised out here so that the library's exception, which may quote the text, is not chained to ours.
        _log.error("detector %s failed: %s", detector.name, failure)
        raise InternalFailure

    def _match(self, view: View, index: int, span: Span) -> Match:
        start, end = view.original(span.start, span.end)
        return Match(index, start, end, span.confidence, self._fingerprints.of_value(span.value))


def distinct(matches: Sequence[Match]) -> tuple[Match, ...]:
    """Matches without those that lie within another one of the same detector."""
    kept: list[Match] = []
    reach: dict[int, int] = {}
    for match in sorted(matches, key=lambda m: (m.start, -m.end, m.detector, -m.confidence)):
        if match.end > reach.get(match.detector, -1):
            reach[match.detector] = match.end
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


def _encoded(text: str) -> bytes:
    """UTF-8, lone surrogates as `?`: Hyperscan may be given nothing else."""
    return text.encode("utf-8", "replace")


def _in_code_points(data: bytes, hits: Sequence[Hit]) -> list[Hit]:
    converted: list[Hit] = []
    position = characters = 0
    for detector, offset in sorted(hits, key=lambda hit: hit[1]):
        characters += len(data[position : offset + 1].decode("utf-8", "ignore"))
        position = offset + 1
        converted.append((detector, characters - 1))
    return converted
