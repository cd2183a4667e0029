import contextlib
import http.client
import http.server
import threading
from collections.abc import Callable, Iterator

import pytest

from benchmarks.contestants.contestant import Contestant, DidNotStart
from benchmarks.peers.proof import FINDINGS, MASK_PERSONAL_REFUSE_KEYS, NO_GUARD, Guard, prompt, prove, recorder


def test_prompt_holds_the_findings_asked_for() -> None:
    body = prompt(["e-mail", "key"]).decode()
    assert [kind for kind, value in FINDINGS.items() if value in body] == ["e-mail", "key"]


def test_what_reaches_the_recorder_unchanged_proves_that_there_is_no_guard() -> None:
    with recorder() as recorded:
        prove(_at(recorded.port), recorded, NO_GUARD)
        with pytest.raises(DidNotStart, match="its filter let card, e-mail, iban through"):
            prove(_at(recorded.port), recorded, Guard(masks=frozenset({"e-mail", "iban", "card"})))
        with pytest.raises(DidNotStart, match=r"its filter let key through: .* answered with 200"):
            prove(_at(recorded.port), recorded, Guard(refuses=frozenset({"key"})))


def test_a_guard_that_masks_and_refuses_is_proven() -> None:
    with recorder() as recorded, _relay(recorded.port, _guarding) as port:
        prove(_at(port), recorded, MASK_PERSONAL_REFUSE_KEYS)
        assert "[masked]" in recorded.bodies[-1]


def test_a_text_that_is_lost_is_not_taken_for_masked() -> None:
    masking = Guard(masks=frozenset({"e-mail", "iban", "card"}))
    with (
        recorder() as recorded,
        _relay(recorded.port, lambda body: "{}") as port,
        pytest.raises(DidNotStart, match="key did not arrive"),
    ):
        prove(_at(port), recorded, masking)


def test_a_peer_that_refuses_what_it_should_mask_does_not_start() -> None:
    with (
        recorder() as recorded,
        _relay(recorded.port, lambda body: None) as port,
        pytest.raises(DidNotStart, match="answered with 403"),
    ):
        prove(_at(port), recorded, MASK_PERSONAL_REFUSE_KEYS)


def test_no_answer_is_a_reason() -> None:
    with recorder() as recorded:
        gone = _at(recorded.port)
    with pytest.raises(DidNotStart, match="no answer: ConnectionRefusedError"):
        prove(gone, recorded, NO_GUARD)


def _at(port: int) -> Contestant:
    return Contestant("peer", port, "key", {}, ())


def _guarding(body: str) -> str | None:
    if FINDINGS["key"] in body:
        return None
    for value in FINDINGS.values():
        body = body.replace(value, "[masked]")
    return body


@contextlib.contextmanager
def _relay(target: int, change: Callable[[str], str | None]) -> Iterator[int]:
    """A gateway of a few lines: what `change` returns goes on to the target, None is refused with 403."""

    class Relay(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            changed = change(self.rfile.read(int(self.headers["content-length"])).decode())
            status = 403
            if changed is not None:
                connection = http.client.HTTPConnection("127.0.0.1", target, timeout=5)
                connection.request("POST", self.path, changed)
                status = connection.getresponse().status
                connection.close()
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Relay) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()
