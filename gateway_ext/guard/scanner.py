"""From texts to the values in them: prefilter → passages → confirmation, in steps of bounded cost."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Collection, Generator, Iterator, Sequence
from itertools import accumulate

import hyperscan

from gateway_ext.errors import InternalFailure
from gateway_ext.guard.cache import Match, MatchCache
from gateway_ext.guard.databases import DatabaseFile
from gateway_ext.guard.detector import Classifier, Detector, Kind, Span, TooManyCandidates
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.guard.passages import passage_at
from gateway_ext.guard.prefilter import Hit, Prefilter
from gateway_ext.guard.profile import Profile
from gateway_ext.guard.views.folding import folded, is_folded
from gateway_ext.guard.views.view import View, has_views, views
from gateway_ext.limits import GUARD_CACHE_MATCHES_MAX, GUARD_CANDIDATES_MAX, GUARD_INLINE_CHARACTERS_MAX

_log = logging.getLogger(__name__)

_JOINT = "\n\x1e\x1e\x1e\n"  # nothing reaches over record separators, and both sides end and begin as a text does

Steps = Generator[Kind, None, tuple[Match, ...]]
"""Yields, before each step, the kind it looks for."""


class Scanner:
    """Finds what all detectors find, whatever policy makes of it, so that a text is judged once for all policies."""

    def __init__(
        self, detectors: Sequence[Detector], fingerprints: Fingerprints, file: DatabaseFile | None = None
    ) -> None:
        self._detectors = tuple(detectors)
        self.kinds = tuple(Kind(one.name, one.version, one.data_class) for one in detectors)
        self.fingerprints = fingerprints
        self._prefilter = Prefilter([detector.patterns for detector in self._detectors], file)
        self.cache = MatchCache(GUARD_CACHE_MATCHES_MAX)

    def scan(self, texts: Sequence[str], profile: Profile, skipped: Collection[str] = ()) -> Scan:
        """An inspection of `texts`, to be driven by the caller. Detectors named in `skipped` are left out."""
        return Scan(self, texts, profile, skipped)

    def matches(self, text: str, profile: Profile) -> tuple[Match, ...]:
        """All matches in one text, in order, found at once and not remembered. Raises as Scan.steps."""
        found: list[Match] = []
        for _ in self.steps(text, self.hits(View(text)), (), found):
            pass
        if profile.classifiers:
            are_folded = is_folded(text, _encoded(text))
            found.extend(self.classified(profile.classifiers, [text], are_folded=are_folded)[0])
        return distinct(found)

    def hits(self, view: View, data: bytes | None = None) -> list[Hit]:
        """Where which detectors have something to confirm. `data`: the same in UTF-8, if it is at hand.

        Raises TooManyCandidates and InternalFailure.
        """
        data = _encoded(view.text) if data is None else data
        try:
            hits = self._prefilter.hits(data, GUARD_CANDIDATES_MAX)
        except hyperscan.error as error:
            failure = type(error).__name__
        else:
            return hits if len(data) == len(view.text) else _in_code_points(data, hits)
        _log.error("the prefilter failed: %s", failure)
        raise InternalFailure

    def steps(
        self, text: str, hits: Sequence[Hit], skipped: Collection[str], found: list[Match], *, is_plain: bool = False
    ) -> Iterator[Kind]:
        """Adds to `found` what detectors confirm in the readings of `text`, which has these `hits`; yields as Steps.

        `is_plain`: it is known to have no other readings than itself.
        Raises as Scan.steps.
        """
        for view in (View(text),) if is_plain else views(text):
            hits = self.hits(view) if view.source else hits
            for index, start, end in _passages(view.text, hits):
                if view.is_compact and not self._detectors[index].reads_compact:
                    continue
                kind = self.kinds[index]
                yield kind
                if kind.name not in skipped:
                    found.extend(self._confirmed(view, index, start, end))

    def _confirmed(self, view: View, index: int, start: int, end: int) -> list[Match]:
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

    def classified(
        self, classifiers: Sequence[Classifier], texts: Sequence[str], *, are_folded: bool = False
    ) -> list[list[Match]]:
        """What `classifiers` find in each text as it is, and as it is when folded if that differs.

        `are_folded`: it is known to differ in none. Raises TooManyCandidates, and InternalFailure when one fails.
        """
        read = [(index, View(text)) for index, text in enumerate(texts)]
        if not are_folded:
            read += [(index, folded(view)) for index, view in read if not is_folded(view.text, _encoded(view.text))]
        found: list[list[Match]] = [[] for _ in texts]
        for classifier in classifiers:
            in_views = self._classified_by(classifier, [view.text for _, view in read])
            for (index, view), spans in zip(read, in_views, strict=True):
                found[index].extend(
                    self._match(classifier.kinds[kind], span, view) for kind, span in spans if span.start < span.end
                )
        return found

    def _classified_by(self, classifier: Classifier, texts: Sequence[str]) -> list[list[tuple[int, Span]]]:
        try:
            return classifier.spans(texts)
        except TooManyCandidates:
            raise
        except Exception as error:  # noqa: BLE001  (as in _confirmed)
            failure = type(error).__name__
        _log.error("classifier %s failed: %s", classifier.kinds[0].name, failure)
        raise InternalFailure

    def _match(self, kind: Kind, span: Span, view: View) -> Match:
        start, end = view.original(span.start, span.end)
        return Match(kind, start, end, span.confidence, self.fingerprints.of_value(span.value))


class Scan:
    """Some texts on their way through one scanner under one profile."""

    __slots__ = ("_classified", "_hits", "_keys", "_known", "_plain", "_profile", "_scanner", "_skipped", "_texts")

    # Looking texts up costs a microsecond per kilobyte, so it is left to whoever drives the scan.

    def __init__(self, scanner: Scanner, texts: Sequence[str], profile: Profile, skipped: Collection[str]) -> None:
        self._scanner = scanner
        self._texts = texts
        self._profile = profile
        self._skipped = skipped
        self._keys: list[bytes] = []
        self._known: list[tuple[Match, ...] | None] = []
        self._classified: dict[int, list[Match]] = {}  # by text, once it has been sifted
        self._hits: dict[int, list[Hit]] = {}
        self._plain: set[int] = set()  # that have no other reading

    def is_clean(self) -> bool:
        """Whether nothing can be found, told by one pass over all new texts at once: so it is with most requests.

        False also when that cannot be told so cheaply. Raises InternalFailure.
        """
        self._look_up()
        if any(self._known):
            return False
        new = [index for index, matches in enumerate(self._known) if matches is None]
        try:
            if new:
                self._sift(new)
        except TooManyCandidates:
            return False
        return all(matches is not None for matches in self._known)

    def steps(self, index: int) -> Steps:
        """Yields between steps; returns the matches of text `index`, in order.

        Raises TooManyCandidates, and InternalFailure when a detector fails: no detector is ever left out by itself.
        """
        self._look_up()
        if self._known[index] is None and index not in self._classified:
            self._sift(self._batch(index))
        known = self._known[index]
        if known is not None:
            return known
        text = self._texts[index]
        hits = self._hits.pop(index, None)
        if hits is None:
            hits = self._scanner.hits(View(text))
        found = self._classified[index].copy()
        is_plain = index in self._plain
        yield from self._scanner.steps(text, hits, self._skipped, found, is_plain=is_plain)
        matches = distinct(found)
        if not self._skipped:  # else something may be missing
            self._scanner.cache.put(self._keys[index], matches)
        return matches

    def _look_up(self) -> None:
        if len(self._keys) < len(self._texts):
            self._keys = [self._scanner.fingerprints.of_text(text, self._profile.id) for text in self._texts]
            self._known = self._scanner.cache.get_all(self._keys)

    def _batch(self, first: int) -> list[int]:
        """Text `first` and new ones behind it, together of a size that takes no more than milliseconds."""
        batch = [first]
        room = GUARD_INLINE_CHARACTERS_MAX - len(self._texts[first])
        for index in range(first + 1, len(self._texts)):
            if self._known[index] is None and index not in self._classified:
                room -= len(self._texts[index])
                if room < 0:
                    break
                batch.append(index)
        return batch

    def _sift(self, new: Sequence[int]) -> None:
        """Tells which of these texts are clean, by one pass over all of them."""
        texts = [self._texts[index] for index in new]
        joined = _JOINT.join(texts)
        data = _encoded(joined)  # once, because it takes a microsecond per kilobyte
        classified: Sequence[list[Match]] = [[] for _ in new]
        if self._profile.classifiers:
            are_folded = is_folded(joined, data)
            classified = self._scanner.classified(self._profile.classifiers, texts, are_folded=are_folded)
        suspect = self._suspect(new, texts, joined, data)
        self._classified.update(zip(new, classified, strict=True))
        clean = [index for index in new if index not in suspect and not self._classified[index]]
        for index in clean:
            self._known[index] = ()
        self._scanner.cache.put_all([(self._keys[index], ()) for index in clean])

    def _suspect(self, new: Sequence[int], texts: Sequence[str], joined: str, data: bytes) -> set[int]:
        """Those in which detectors have something to confirm.

        Patterns read the end of a line as they read the end of a text (see Prefilter), so a text that has a hit alone
        has it when all are joined, too.
        """
        try:
            hits = self._scanner.hits(View(joined), data)
        except TooManyCandidates:
            return set(new)
        starts = list(accumulate((len(text) + len(_JOINT) for text in texts[:-1]), initial=0))
        for detector, position in hits:
            number = bisect_right(starts, position) - 1
            last = len(texts[number]) - 1  # a pattern may have seen the line end behind it, too
            self._hits.setdefault(new[number], []).append((detector, max(0, min(position - starts[number], last))))
        found = {index for index in new if index in self._hits}
        if len(new) == 1 == len(found):
            return found  # its views will be read in any case
        if not has_views(joined, data):
            self._plain.update(new)
        elif len(found) < len(new):
            found.update(index for index, text in zip(new, texts, strict=True) if has_views(text))
        return found


def distinct(matches: Sequence[Match]) -> tuple[Match, ...]:
    """Matches without those that lie within another one of the same detector."""
    kept: list[Match] = []
    reach: dict[str, int] = {}
    for match in sorted(matches, key=lambda m: (m.start, -m.end, m.kind.name, -m.confidence)):
        if match.end > reach.get(match.kind.name, -1):
            reach[match.kind.name] = match.end
            kept.append(match)
    return tuple(kept)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # lone surrogates as `?`: Hyperscan may be given nothing else


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
