"""Tells once that the server does not answer, and once that it does again: not with each request."""

from __future__ import annotations

import logging

QUIET_SECONDS = 2.0  # without a failure: under too much load some requests are answered and others are not

_log = logging.getLogger(__name__)


class Reachability:
    """Of one server; `now_seconds` is any clock that only goes forward."""

    def __init__(self) -> None:
        self._is_away = False
        self._failed_at_seconds = 0.0

    def failed(self, error: BaseException, now_seconds: float) -> None:
        """Something was asked, and `error` came instead of an answer."""
        self._failed_at_seconds = now_seconds
        if not self._is_away:
            self._is_away = True
            # The type only: the text of such an error may hold the address.
            _log.error("ledger: PostgreSQL does not answer (%s); requests are refused", type(error).__name__)

    def answered(self, now_seconds: float) -> None:
        """An answer came, be it a refusal."""
        if self._is_away and now_seconds - self._failed_at_seconds >= QUIET_SECONDS:
            self._is_away = False
            _log.warning("ledger: PostgreSQL answers again")
