"""Revoked, disabled, stopped: over the real gateway, on every processor, within a second."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.envoy.stack import COMMAND, Stack, chat, running_stack

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(300)]
PROCESSORS = 2
SECONDS_MAX = 1.0
CUT_SECONDS_MAX = (
    2.0  # from the order to the stream's end at its reader, who runs on the same machine and may come late
)
CUT = ("routing.yaml", "running_streams: finish", "running_streams: cut")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("standing"), processors=PROCESSORS) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_in_force(stack: Stack) -> Iterator[None]:
    yield
    for order in standing(stack):
        name = [order["value"]] if order["value"] else []
        match order["measure"]:
            case "stopped":
                command(stack, "resume", order["scope"], *name, "--reason", "test is over")
            case "revoked":
                command(stack, "revoke", *name, "--undo", "--reason", "test is over")
            case "disabled":
                command(stack, "people", "enable", *name, "--reason", "test is over")
    settle()


def command(stack: Stack, *arguments: str) -> float:
    """Run an operator's command; the monotonic time when it said that it was done."""
    options = ["--state", str(stack.state)]
    if arguments[0] == "stop":
        options += ["--policies", str(stack.policies)]
    done = subprocess.run([*COMMAND, *arguments, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return time.monotonic()


def standing(stack: Stack) -> list[dict[str, Any]]:
    listed = subprocess.run(
        [*COMMAND, "standing", "--json", "--state", str(stack.state)], capture_output=True, check=True
    )
    return json.loads(listed.stdout)  # type: ignore[no-any-return]


def settle() -> None:
    """Until every processor has noticed what was ordered before."""
    time.sleep(SECONDS_MAX)


def code(answer: httpx.Response) -> str:
    return "" if answer.status_code == 200 else str(answer.json()["error"]["code"])


def ask(client: httpx.Client, model: str = "assistant") -> httpx.Response:
    return client.post("/chat/completions", json=chat("Hello", model))


class Traffic:
    """Callers who ask without pause, from connections of their own so that all processors are asked."""

    def __init__(self, stack: Stack, token: str, callers: int = 4) -> None:
        self._stack = stack
        self._token = token
        self._ends = threading.Event()
        self._pool = ThreadPoolExecutor(callers)
        self._running = [self._pool.submit(self._ask) for _ in range(callers)]

    def _ask(self) -> list[tuple[float, float, str]]:
        seen = []
        with self._stack.client(self._token) as client:
            while not self._ends.is_set():
                began = time.monotonic()
                answer = ask(client)
                seen.append((began, time.monotonic(), code(answer)))
        return seen

    def end(self) -> list[tuple[float, float, str]]:
        """When each request began and ended, and the code it was refused with ("": it was not)."""
        self._ends.set()
        seen = [each for running in self._running for each in running.result(timeout=60)]
        self._pool.shutdown()
        return seen


@pytest.mark.parametrize(
    ("order", "refusal"),
    [
        (("revoke", "credential-of-the-test"), "credential_revoked"),
        (("people", "disable", "demo@local"), "person_disabled"),
        (("stop", "team", "demo"), "stopped"),
        (("stop", "everything"), "stopped"),
    ],
)
def test_an_order_counts_on_all_processors_within_a_second_while_requests_run(
    stack: Stack, order: tuple[str, ...], refusal: str
) -> None:
    traffic = Traffic(stack, stack.token(jti="credential-of-the-test"))
    time.sleep(1.5)
    done = command(stack, *order, "--reason", "incident 7")
    time.sleep(2.5)
    seen = traffic.end()
    assert {each for began, ended, each in seen if ended < done - 1.5} <= {""}
    late = [each for began, _, each in seen if began > done + SECONDS_MAX]
    assert len(late) >= 20
    assert set(late) == {refusal}
    assert len(processors_that_refused(stack, refusal)) == PROCESSORS


def processors_that_refused(stack: Stack, reason: str) -> set[str]:
    """Names of the processes whose own record says so."""
    tail = subprocess.run(
        [*COMMAND, "audit", "tail", "-n", "500", "--json", "--state", str(stack.state)], capture_output=True, check=True
    )
    entries = [json.loads(line) for line in tail.stdout.splitlines()]
    return {each["process"] for each in entries if each["attributes"].get("gateway.decision.reason") == reason}


def test_another_credential_of_the_same_person_is_not_revoked(stack: Stack) -> None:
    command(stack, "revoke", "credential-a", "--expires", "2099-01-01", "--reason", "lost laptop")
    settle()
    with stack.client(stack.token(jti="credential-a")) as lost, stack.client(stack.token(jti="credential-b")) as kept:
        refused = ask(lost)
        assert (refused.status_code, code(refused)) == (401, "credential_revoked")
        assert refused.headers["x-should-retry"] == "false"
        assert ask(kept).status_code == 200
    command(stack, "revoke", "credential-a", "--undo", "--reason", "found again")
    settle()
    with stack.client(stack.token(jti="credential-a")) as found:
        assert ask(found).status_code == 200


def test_a_stopped_provider_is_left_out_while_another_serves_the_model(stack: Stack) -> None:
    with stack.client() as client:
        first = ask(client)
        assert first.status_code == 200
        names = {record["deployment"] for record in stack.upstream_log()}
        assert len(names) == 1
        provider = f"simulator-{names.pop()}"
        command(stack, "stop", "provider", provider, "--reason", "incident 7")
        settle()
        stack.forget_upstream_log()
        assert ask(client).status_code == 200
        assert {f"simulator-{record['deployment']}" for record in stack.upstream_log()}.isdisjoint({provider})
        command(stack, "resume", "provider", provider, "--reason", "over")
        settle()
        stack.forget_upstream_log()
        assert ask(client).status_code == 200
        assert {f"simulator-{record['deployment']}" for record in stack.upstream_log()} == {provider}


def test_a_model_whose_every_jurisdiction_is_stopped_is_stopped_with_the_operators_reason(stack: Stack) -> None:
    with stack.client() as client:
        for jurisdiction in ("us", "fr"):
            command(stack, "stop", "jurisdiction", jurisdiction, "--reason", "no transfers now")
        settle()
        refused = ask(client)
        assert (refused.status_code, code(refused)) == (503, "stopped")
        error = refused.json()["error"]
        assert "no transfers now" in error["message"]
        assert error["param"] == "model"
        assert refused.headers["x-should-retry"] == "false"
        assert stack.upstream_log() == []
        command(stack, "resume", "jurisdiction", "FR", "--reason", "over")
        settle()
        assert ask(client).status_code == 200


def test_a_stopped_model_is_not_listed(stack: Stack) -> None:
    command(stack, "stop", "model", "assistant", "--reason", "being looked at")
    settle()
    with stack.client() as client:
        assert code(ask(client)) == "stopped"
        assert "assistant" not in {each["id"] for each in client.get("/models").json()["data"]}


def test_an_order_is_recorded_before_it_counts_and_is_delivered(stack: Stack) -> None:
    command(stack, "stop", "team", "demo", "--reason", "incident 9", "--actor", "security on call")
    settle()
    with stack.client() as client:
        refused = ask(client)
    assert code(refused) == "stopped"

    def arrived(records: list[dict[str, Any]]) -> bool:
        reasons = [record.get("gateway.order.reason") for record in records]
        ids = [record.get("gateway.exchange.id") for record in records]
        return "incident 9" in reasons and refused.headers["x-request-id"] in ids

    records = stack.wait_for_records(arrived)
    (order,) = (each for each in records if each.get("gateway.order.reason") == "incident 9")
    assert order["event"] == "standing:stop:set"
    assert order["gateway.order.actor"] == "security on call"
    assert (order["gateway.order.scope"], order["gateway.order.value"]) == ("team", "demo")


# --- streams under way ------------------------------------------------------------------------------------------------


def slow_stream(stack: Stack, token: str, started: threading.Event) -> tuple[str, float]:
    """What came of a stream that takes long, and when its last byte came."""
    body = chat("word " * 40, stream=True)
    text = ""
    with stack.client(token) as client, client.stream("POST", "/chat/completions", json=body) as answer:
        assert answer.status_code == 200
        for piece in answer.iter_text():
            text += piece
            started.set()
    return text, time.monotonic()


@pytest.mark.parametrize("policy", ["finish", "cut"])
def test_a_running_stream_is_cut_or_finishes_as_policy_says(stack: Stack, policy: str) -> None:
    stack.use_policy(*([CUT] if policy == "cut" else []))
    for deployment in ("us", "eu"):
        stack.simulate(deployment, tokens_per_second=10, token_characters=5)
    token, started = stack.token(jti="credential-of-a-stream"), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(slow_stream, stack, token, started)
        assert started.wait(10)
        done = command(stack, "revoke", "credential-of-a-stream", "--reason", "lost laptop")
        text, ended = running.result(timeout=60)
    if policy == "finish":
        assert ended > done + SECONDS_MAX
        assert "credential_revoked" not in text
        assert text.rstrip().endswith("[DONE]")
        return
    assert ended < done + CUT_SECONDS_MAX
    *_, error, end = (line for line in text.splitlines() if line.startswith("data: "))
    assert json.loads(error[6:])["error"]["code"] == "credential_revoked"
    assert end == "data: [DONE]"

    def settled(records: list[dict[str, Any]]) -> bool:
        return any("credential_revoked" in record.get("gateway.outcome.flags", []) for record in records)

    (outcome,) = (
        record
        for record in stack.wait_for_records(settled)
        if "credential_revoked" in record.get("gateway.outcome.flags", [])
    )
    assert outcome["event"] == "request:outcome:settled"
    assert outcome["gateway.budget.cost_nano"] > 0
    assert outcome["gateway.outcome.saw_end_of_stream"] is False


def test_a_silent_stream_is_cut_too(stack: Stack) -> None:
    """No chunk comes that could wake the processor."""
    stack.use_policy(CUT)
    for deployment in ("us", "eu"):
        stack.simulate(deployment, tokens_per_second=0.1, token_characters=5)
    token, started = stack.token(jti="credential-of-a-silent-stream"), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(slow_stream, stack, token, started)
        assert started.wait(10)
        time.sleep(0.5)
        done = command(stack, "stop", "model", "assistant", "--reason", "incident 7")
        text, ended = running.result(timeout=60)
    assert ended < done + CUT_SECONDS_MAX
    assert '"code":"stopped"' in text.replace(" ", "")
    assert "incident 7" in text


class _NeverBegins(BaseHTTPRequestHandler):
    """A provider that sends the head of a stream and then thinks for long."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.flush()
        with contextlib.suppress(OSError):
            self.connection.recv(1)  # until Envoy goes

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_stream_that_has_not_begun_is_cut_too(stack: Stack) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _NeverBegins) as provider:
        threading.Thread(target=provider.serve_forever, daemon=True).start()
        moved = [
            (
                "providers.yaml",
                f"127.0.0.1:{stack.ports.simulator}/{name}/v1",
                f"127.0.0.1:{provider.server_port}/{name}/v1",
            )
            for name in ("us", "eu")
        ]
        stack.use_policy(CUT, *moved)
        token = stack.token(jti="credential-of-a-late-stream")
        with stack.client(token) as client, ThreadPoolExecutor(1) as pool:
            running = pool.submit(client.post, "/chat/completions", json=chat("Hello", stream=True))
            time.sleep(1.5)
            done = command(stack, "revoke", "credential-of-a-late-stream", "--reason", "lost laptop")
            with pytest.raises(httpx.RemoteProtocolError):  # the head has gone out, and no event can follow it
                running.result(timeout=30)
            assert time.monotonic() < done + CUT_SECONDS_MAX
        provider.shutdown()
    assert "credential_revoked, by an operator's order" in stack.logs()


# --- restarts and losses ----------------------------------------------------------------------------------------------


def test_orders_survive_the_processors(stack: Stack) -> None:
    stack.use_policy()
    command(stack, "stop", "team", "demo", "--reason", "incident 7")
    for index in range(PROCESSORS):
        stack.kill(f"processor-{index}")
    deadline = time.monotonic() + 60
    answers: list[str] = []
    with stack.client() as client:
        while answers[-5:] != ["stopped"] * 5:
            assert time.monotonic() < deadline, answers[-10:]
            answer = ask(client)
            assert answer.status_code == 503
            answers.append(str(answer.json()["error"]["code"]))
            time.sleep(0.05)


def test_a_lost_store_refuses_everything_until_an_operator_decides(stack: Stack) -> None:
    stack.use_policy()
    command(stack, "stop", "team", "another", "--reason", "incident 7")
    store = stack.layout.standing
    away = store.with_suffix(".away")
    for suffix in ("", "-wal", "-shm"):
        part = store.with_name(store.name + suffix)
        if part.exists():
            part.rename(away.with_name(away.name + suffix))
    lost = time.monotonic()
    with stack.client() as client:
        while time.monotonic() < lost + SECONDS_MAX + 0.5:
            time.sleep(0.1)
        refused = ask(client)
        assert (refused.status_code, code(refused)) == (503, "standing_unavailable")
        command(stack, "standing", "init")
        settle()
        assert ask(client).status_code == 200
    assert standing(stack) == []
