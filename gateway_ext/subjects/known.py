"""What a running process knows of subjects: each is asked of the store once, and forgotten as soon as anybody is erased."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from gateway_ext.clock import SystemClock
from gateway_ext.errors import AuditUnavailable, ConfigurationError
from gateway_ext.limits import STANDING_POLL_SECONDS, SUBJECT_STORE_SECONDS_MAX, SUBJECTS_REMEMBERED_MAX
from gateway_ext.subjects.sqlite_store import SubjectsStore, state_of
from gateway_ext.subjects.subject import Subject
from gateway_ext.witnessed.follower import StoreFollower
from gateway_ext.witnessed.reader import StoreReader

_log = logging.getLogger(__name__)


class KnownSubjects(StoreFollower[tuple[str, int]]):
    """Used by one event loop. Until policy asks for pseudonyms (`begin`), no store is looked for."""

    def __init__(self, path: Path, clock: SystemClock, *, poll_seconds: float = STANDING_POLL_SECONDS) -> None:
        self._store = SubjectsStore(path, SUBJECT_STORE_SECONDS_MAX)
        super().__init__(StoreReader(self._store, state_of), clock, poll_seconds=poll_seconds)
        self._is_asked = False
        self._state: tuple[str, int] | None = None  # of the store
        self._remembers: tuple[str, int] | None = None  # the state that what is remembered is of
        self._is_away = False
        self._remembered = lru_cache(SUBJECTS_REMEMBERED_MAX)(self._store.of)
        self._sealed = lru_cache(SUBJECTS_REMEMBERED_MAX)(_sealed)

    def begin(self) -> None:
        """From now on pseudonyms are asked for. Blocks. Raises ConfigurationError when there can be none."""
        try:
            import gateway_ext.subjects.sealing  # noqa: F401, PLC0415  (extra `subjects`)
        except ImportError as error:
            raise ConfigurationError(
                f"policy asks for pseudonyms, and '{error.name}' is missing; install it with: pip install 'gateway-ext[subjects]'"
            ) from None
        self._store.begin()
        self._is_asked = True
        self.poll()

    def of(self, name: str) -> Subject:
        """Whoever has this name. Raises AuditUnavailable: without it nothing can be recorded of them.

        The first time ever, this writes to the store, on the event loop: once in the life of a pseudonym (ADR 23).
        """
        if not self.is_known():
            raise AuditUnavailable
        try:
            found = self._remembered(name)
        except (ConfigurationError, ValueError) as error:  # the latter for a name that is no text
            if not self._is_away:  # once an outage; what is wrong with the file, following it tells
                self._is_away = True
                _log.error("subjects: somebody cannot be named (%s); requests are refused", type(error).__name__)
            raise AuditUnavailable from None
        self._is_away = False
        return found

    def sealed(self, subject: Subject, email: str, credential_id: str) -> bytes:
        """What a record keeps of the person beyond the pseudonym: sealed once, and the same bytes in each record."""
        return self._sealed(subject, email, credential_id)

    def _is_wanted(self) -> bool:
        return self._is_asked

    def _take(self, found: tuple[str, int]) -> None:
        self._state = found

    def _tell(self) -> None:
        """Forget everybody once somebody was erased: their key is to be nowhere."""
        if self._remembers != self._state:
            self._remembers = self._state
            self._remembered.cache_clear()
            self._sealed.cache_clear()


def _sealed(subject: Subject, email: str, credential_id: str) -> bytes:
    from gateway_ext.subjects.sealing import sealed_details  # noqa: PLC0415  (extra `subjects`)

    return sealed_details(subject, email, credential_id)
