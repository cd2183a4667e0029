"""A request that is sent again is answered again, and not done again (draft-ietf-httpapi-idempotency-key-header).

Kept for a day: a digest of the person and of the key, a digest of the request, and the answer — never a token: who lost
the answer to a minting gets everything but the token, and rotates.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gateway_ext.console.problems import FieldError, KeyReused, Malformed, Problem, RequestUnderWay
from gateway_ext.console.store import ConsoleStore
from gateway_ext.errors import ConfigurationError

_log = logging.getLogger(__name__)
HEADER = "Idempotency-Key"
KEPT_SECONDS = 86_400
_KEY = re.compile(r'"[ !#-\[\]-~]{1,128}"|[A-Za-z0-9._~:/+=-]{1,128}')
_FORGET = "UPDATE repeated SET answer = NULL WHERE instr(answer, ?)"
_UNKNOWN_END = (
    "Wait for its answer. If this stays so, the process ended while it was at work: see whether it was done before you send"
    " it with another key."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is JSON. `later` are members of it as a repeated answer has them: a token is shown now and kept nowhere."""

    status: int
    body: dict[str, Any]
    location: str = ""
    later: dict[str, Any] = field(default_factory=dict)
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class RequestKey:
    """`id` digests the person and the key that they gave, `fingerprint` the request that came with it."""

    id: bytes
    fingerprint: bytes


def request_key(value: str | None, who: str, method: str, target: str, body: bytes) -> RequestKey | None:
    """Of the value of the header: a quoted string (RFC 8941), or what needs no quotes. Raises Malformed."""
    if value is None:
        return None
    if not _KEY.fullmatch(value):
        raise Malformed(errors=[FieldError(HEADER, "Give 1 to 128 printable ASCII characters, such as a UUID.")])
    key = _digest(who.encode(), value.strip('"').encode())
    return RequestKey(key, _digest(key, method.encode(), target.encode(), body))


class RepeatedRequests:
    """What has been answered already. Calls block."""

    def __init__(self, store: ConsoleStore, now_unix: Callable[[], int]) -> None:
        self._store = store
        self._now_unix = now_unix

    def once(self, key: RequestKey | None, work: Callable[[], Answer]) -> Answer:
        """The answer of `work`, or of the request that came with this key before.

        Raises KeyReused, RequestUnderWay, ConfigurationError, and what `work` raises. After a Problem or a
        ConfigurationError nothing has changed, so it may be sent again; after anything else nobody knows, so it may not.
        """
        if key is None:
            return work()
        known = self._begin(key)
        if known is not None:
            return known
        try:
            answer = work()
        except (Problem, ConfigurationError):
            self._note("DELETE FROM repeated WHERE id = ?", key.id)
            raise
        kept = replace(answer, body=answer.body | answer.later, later={}, is_repeated=True)
        self._note("UPDATE repeated SET answer = ? WHERE id = ?", json.dumps(asdict(kept)), key.id)
        return answer

    def forget(self, name: str) -> int:
        """Delete the answers that name somebody; how many. Such a request, sent again, is answered as one under way."""
        named = json.dumps(name)[1:-1]
        with self._store.transaction() as connection:
            return connection.execute(_FORGET, (named,)).rowcount

    def _begin(self, key: RequestKey) -> Answer | None:
        now_unix = self._now_unix()
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM repeated WHERE begun_unix <= ?", (now_unix - KEPT_SECONDS,))
            found = connection.execute("SELECT fingerprint, answer FROM repeated WHERE id = ?", (key.id,)).fetchone()
            if found is None:
                row = (key.id, key.fingerprint, now_unix)
                connection.execute("INSERT INTO repeated (id, fingerprint, begun_unix) VALUES (?, ?, ?)", row)
                return None
        fingerprint, answer = found
        if fingerprint != key.fingerprint:
            raise KeyReused
        if answer is None:
            raise RequestUnderWay(_UNKNOWN_END)
        return Answer(**json.loads(answer))

    def _note(self, statement: str, *values: str | bytes) -> None:
        """How it ended. That it cannot be kept changes nothing of it: a repeat will then be told that nobody knows."""
        try:
            with self._store.transaction() as connection:
                connection.execute(statement, values)
        except ConfigurationError as error:
            _log.error("console: an answer cannot be kept for repeated requests: %s", error.diagnostics())


def _digest(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()
