"""Notes when Envoy fetched the keys of each identity provider, by what Envoy's own statistics say.

Envoy counts the answers of each cluster, and failed fetches (no answer, no key in it) of all providers together. Keys are
taken as renewed when the cluster `idp_<issuer>` has given one more good answer while no fetch has failed: a doubt costs one
renewal, never one too many.
"""

from __future__ import annotations

import asyncio
import http
import http.client
import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

CLUSTER_PREFIX = "idp_"
TIMEOUT_SECONDS = 2.0
LOOK_SECONDS = 0.5
CALM_LOOK_SECONDS = 5.0  # an answer takes Envoy milliseconds of its main thread
YOUNG_SECONDS = 20  # of an Envoy that may not have fetched everything yet
TROUBLED_SECONDS = 40  # after a failed fetch: above the pause after which Envoy tries again
_FILTER = r"^cluster\.idp_.*\.upstream_rq_2xx$|\.jwt_authn\.jwks_fetch_failed$|^server\.uptime$"
_FETCHED = re.compile(rf"^cluster\.{CLUSTER_PREFIX}([a-z0-9._-]+)\.upstream_rq_2xx: (\d+)$", re.MULTILINE)
_FAILED = re.compile(r"\.jwt_authn\.jwks_fetch_failed: (\d+)$", re.MULTILINE)
_UPTIME = re.compile(r"^server\.uptime: (\d+)$", re.MULTILINE)
_PARTS = (".internal", ".external")  # Envoy counts the same answers by origin, too
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fetches:
    """Since Envoy's start: good answers of each identity provider, failed fetches of all, and how long ago that was."""

    good: Mapping[str, int]
    failed: int
    uptime_seconds: int


def read_statistics(text: str) -> Fetches:
    """From the plain text of Envoy's admin interface (`/stats`)."""
    uptime = _UPTIME.search(text)
    return Fetches(
        good={issuer: int(count) for issuer, count in _FETCHED.findall(text) if not issuer.endswith(_PARTS)},
        failed=sum(map(int, _FAILED.findall(text))),
        uptime_seconds=int(uptime[1]) if uptime else 0,
    )


class KeyWatch:
    """Touches `<directory>/<issuer>` for each fetch. `admin_url` is where Envoy's admin interface listens."""

    def __init__(self, admin_url: str, directory: Path, now_unix_nano: Callable[[], int]) -> None:
        self._admin_url = admin_url
        self._directory = directory
        self._now_unix_nano = now_unix_nano
        self._last: Fetches | None = None
        self._is_blind = False
        self._failed_at_seconds = 0  # of Envoy's life, when a fetch was last seen to have failed

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(CALM_LOOK_SECONDS if self.is_calm() else LOOK_SECONDS)

    def is_calm(self) -> bool:
        """Whether all keys were fetched, and no fetch has failed for long: what comes next may be noted some seconds late."""
        last = self._last
        if self._is_blind or last is None or not all(last.good.values()):
            return not self._admin_url
        troubled_until = self._failed_at_seconds + TROUBLED_SECONDS if last.failed else 0
        return last.uptime_seconds >= max(YOUNG_SECONDS, troubled_until)

    async def look(self) -> None:
        """Ask Envoy once. An Envoy that is away, or a full disk, is no error here: keys grow old, which is judged elsewhere."""
        if not self._admin_url:  # there is none: nothing is ever known to be renewed
            return
        try:
            self._note(read_statistics(await asyncio.to_thread(_statistics, self._admin_url)))
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not self._is_blind:
                _log.warning(
                    "Envoy's statistics cannot be read or noted: keys of identity providers grow old (%r)", error
                )
            self._is_blind = True
            return
        self._is_blind = False

    def _note(self, fetches: Fetches) -> None:
        now, last, self._last = self._now_unix_nano(), self._last, fetches
        if last is None or last.failed != fetches.failed:
            self._failed_at_seconds = fetches.uptime_seconds
        for issuer, count in fetches.good.items():
            if last is None or issuer not in last.good:
                if count:  # fetched by this Envoy, which cannot have been before its start
                    self._touch(issuer, now - fetches.uptime_seconds * 1_000_000_000)
            elif count and count != last.good[issuer] and fetches.failed == last.failed:
                self._touch(issuer, now)

    def _touch(self, issuer: str, unix_nano: int) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._directory / issuer
        if file.exists() and file.stat().st_mtime_ns >= unix_nano:
            return
        file.touch(mode=0o600)
        os.utime(file, ns=(unix_nano, unix_nano))


def _statistics(admin_url: str) -> str:
    address = urlsplit(admin_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", f"/stats?filter={quote(_FILTER)}")
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise http.client.HTTPException(f"status {answer.status}")
        return answer.read().decode(errors="replace")
    finally:
        connection.close()
