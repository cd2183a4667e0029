"""Proof that a peer's guard acts: a request with findings, and what of them arrives behind it."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.contestants.contestant import Contestant, DidNotStart
from benchmarks.load.fixed_upstream import CHAT

ANSWER_SECONDS_MAX = 60
PROOF_MODEL = "proof"
FINDINGS: Mapping[str, str] = {  # by kind; published examples, none of them anybody's
    "e-mail": "jane.doe@example.org",
    "iban": "DE89370400440532013000",
    "card": "4111111111111111",
    "key": "AKIA" + "ABCDEFGHIJKLMNOP",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """The kinds of findings that a peer is configured to replace, and those for which it refuses a request."""

    masks: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()


NO_GUARD = Guard()
MASK_PERSONAL_REFUSE_KEYS = Guard(frozenset({"e-mail", "iban", "card"}), frozenset({"key"}))


class Recorder(http.server.ThreadingHTTPServer):
    """A model server that keeps the bodies it was sent and answers as the fixed upstream does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Recording)
        self.bodies: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Recording(http.server.BaseHTTPRequestHandler):
    server: Recorder
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])).decode())
        self.wfile.write(CHAT)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: what was sent is nobody's line in a log."""


@contextlib.contextmanager
def recorder() -> Iterator[Recorder]:
    """A Recorder that serves on a free port of the loopback address."""
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def prompt(kinds: Sequence[str]) -> bytes:
    """A chat request whose last message holds a finding of each kind."""
    text = "Write to " + ", then ".join(FINDINGS[kind] for kind in kinds) + " please."
    return json.dumps({"model": PROOF_MODEL, "messages": [{"role": "user", "content": text}]}).encode()


def prove(contestant: Contestant, recorded: Recorder, guard: Guard, headers: Mapping[str, str] | None = None) -> None:
    """Ask the recorder through the contestant: by its model's name, or by `headers` besides the contestant's own.

    What the guard masks must not arrive and all else must: something else than the guard might have stopped it. A prompt
    that it refuses must not arrive at all. Raises DidNotStart with what happened instead.
    """
    allowed = [kind for kind in FINDINGS if kind not in guard.refuses]
    status = ask(contestant, prompt(allowed), headers)
    if status != 200 or not recorded.bodies:
        raise DidNotStart(f"a prompt that it should mask or let through was answered with {status}")
    arrived = {kind for kind in allowed if FINDINGS[kind] in recorded.bodies[-1]}
    if passed := arrived & guard.masks:
        raise DidNotStart(f"its filter let {', '.join(sorted(passed))} through")
    if lost := set(allowed) - arrived - guard.masks:
        raise DidNotStart(f"{', '.join(sorted(lost))} did not arrive, though nothing was to mask it")
    so_far = len(recorded.bodies)
    for kind in guard.refuses:
        status = ask(contestant, prompt([kind]), headers)
        if not 400 <= status < 500 or len(recorded.bodies) > so_far:
            raise DidNotStart(
                f"its filter let {kind} through: a prompt that it should refuse was answered with {status}"
            )


def ask(contestant: Contestant, body: bytes, headers: Mapping[str, str] | None = None) -> int:
    """The status of one request. Raises DidNotStart where there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", contestant.port, timeout=ANSWER_SECONDS_MAX)
    sent = {"content-type": "application/json", "authorization": f"Bearer {contestant.token}"}
    try:
        connection.request("POST", contestant.path, body, sent | dict(contestant.headers) | dict(headers or {}))
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException) as error:
        raise DidNotStart(f"no answer: {type(error).__name__}") from error
    finally:
        connection.close()
    return response.status
