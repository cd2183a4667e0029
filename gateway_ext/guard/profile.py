"""What reads texts as a whole besides the detectors: which classifiers policy, dictionaries and documents ask for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway_ext.guard.detector import Classifier

PROFILE_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class Profile:
    """Matches found under one profile say nothing about another one: `id` tells them apart in the cache."""

    classifiers: tuple[Classifier, ...] = ()
    id: bytes = field(default_factory=lambda: os.urandom(PROFILE_ID_BYTES))


class Profiles:
    """The profile for a list of classifiers, the same as long as it is the same list of the same objects."""

    def __init__(self) -> None:
        self._latest: list[Profile] = [Profile()]

    def of(self, classifiers: Sequence[Classifier]) -> Profile:
        for profile in self._latest:
            if len(profile.classifiers) == len(classifiers) and all(
                one is other for one, other in zip(profile.classifiers, classifiers, strict=True)
            ):
                return profile
        # While policy or the registered documents change, requests under the old ones and the new ones overlap.
        self._latest = [Profile(tuple(classifiers)), *self._latest[:3]]
        return self._latest[0]
