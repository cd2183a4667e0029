"""Streams that do not end as they should: who stops is noticed by the other side, and what was produced is paid for."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_ext.guard.confidential.canary import RANDOM_BYTES, new_canary
from tests.envoy.stack import PLAIN, Stack, chat, running_stack

pytestmark = pytest.mark.envoy

HOLD_TTL_SECONDS = 6  # Envoy gives up an exchange at nine tenths of it
WORDS = 200
WORDS_PER_SECOND = 100.0
NOTICED_SECONDS = 1.0
SETTLED_SECONDS = 3.0  # well before holds expire
CANCELLED, AT_ONCE = 500, 40
CROWD = 120  # streams whose words come faster than two processors read them
PILE_BYTES_MAX = 18 * 1024 * 1024  # three quarters of what the four slow callers are sent

INSPECTED: dict[str, Any] = {}  # of callers who did not ask for usage: the processor takes that chunk out
PASSED: dict[str, Any] = {"stream_options": {"include_usage": True}}
both_ways = pytest.mark.parametrize("options", [INSPECTED, PASSED], ids=["inspected", "passed"])


def short_holds(policies: Path) -> None:
    budgets = policies / "budgets.yaml"
    text = budgets.read_text()
    assert "hold_ttl_seconds: 900" in text
    budgets.write_text(text.replace("hold_ttl_seconds: 900", f"hold_ttl_seconds: {HOLD_TTL_SECONDS}"))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("streams"), change_policies=short_holds) as running:
        yield running


@pytest.fixture
def stack(gateway: Stack) -> Iterator[Stack]:
    gateway.simulate("us", tokens_per_second=WORDS_PER_SECOND)
    gateway.simulate("eu", tokens_per_second=WORDS_PER_SECOND)
    gateway.forget_upstream_log()
    yield gateway
    deadline = time.monotonic() + SETTLED_SECONDS
    with closing(sqlite3.connect(f"file:{gateway.layout.ledger}?mode=ro", uri=True)) as ledger:
        while ledger.execute("SELECT count(*) FROM hold WHERE state = 'held'").fetchone() != (0,):
            assert time.monotonic() < deadline, "a hold is still open"
            time.sleep(0.02)


def question(words: int = WORDS, **options: Any) -> dict[str, Any]:
    return chat("word " * words, model="assistant", stream=True, max_tokens=2_000, **options)


@contextmanager
def outcome_of(stack: Stack) -> Iterator[dict[str, Any]]:
    """Filled, at the end, with the outcome of the one request that is sent meanwhile."""
    known = {record["gateway.exchange.id"] for record in outcomes(stack.audit_records())}
    outcome: dict[str, Any] = {}
    yield outcome

    def new(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [record for record in outcomes(records) if record["gateway.exchange.id"] not in known]

    (record,) = new(stack.wait_for_records(lambda found: bool(new(found))))
    outcome |= record


def outcomes(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if ":outcome:" in record["event"]]


def events(lines: Iterator[str], count: int) -> int:
    """Read so many events; how many there were."""
    found = 0
    while found < count and (line := next(lines, None)) is not None:
        found += line.startswith("data: {")
    return found


def disconnects(stack: Stack) -> int:
    """Requests whose caller left before the provider had finished."""
    state = httpx.get(f"http://127.0.0.1:{stack.ports.simulator}/_control", trust_env=False).json()
    return sum(int(each["client_disconnects"]) for each in state["deployments"].values())


@both_ways
@pytest.mark.parametrize("read", [0, 1, 7, 40])
def test_a_caller_who_leaves_stops_the_provider_and_pays_for_what_it_said(
    stack: Stack, options: dict[str, Any], read: int
) -> None:
    before = disconnects(stack)
    with outcome_of(stack) as outcome:
        with stack.client() as client, client.stream("POST", "/chat/completions", json=question(**options)) as response:
            assert response.status_code == 200
            assert events(response.iter_lines(), read) == read
        left = time.monotonic()
        while disconnects(stack) == before:
            assert time.monotonic() < left + NOTICED_SECONDS, "the provider goes on"
            time.sleep(0.02)
    assert outcome["event"] == "request:outcome:settled"
    assert {"client_aborted", "usage_estimated"} <= set(outcome["gateway.outcome.flags"])
    assert outcome["gen_ai.usage.output_tokens"] >= read
    assert outcome["gateway.budget.cost_nano"] > 0


def read_to_the_end(stack: Stack, **options: Any) -> tuple[int, bool]:
    """The events that a caller gets, and whether the response ends as HTTP says it must."""
    seen = 0
    with stack.client() as client, client.stream("POST", "/chat/completions", json=question(**options)) as response:
        assert response.status_code == 200
        try:
            for line in response.iter_lines():
                seen += line.startswith("data: {")
        except httpx.RemoteProtocolError:
            return seen, False
    return seen, True


@both_ways
def test_a_provider_that_breaks_off_is_paid_for_what_it_said(stack: Stack, options: dict[str, Any]) -> None:
    stack.simulate("us", fault="half_stream", count=1, tokens_per_second=WORDS_PER_SECOND)
    with outcome_of(stack) as outcome:
        seen, is_clean = read_to_the_end(stack, **options)
    assert 0 < seen < WORDS
    assert not is_clean, "half an answer must not look like a whole one"
    assert outcome["event"] == "request:outcome:settled"
    assert outcome["gen_ai.usage.output_tokens"] >= seen
    assert not outcome["gateway.outcome.saw_end_of_stream"]
    assert "usage_estimated" in outcome["gateway.outcome.flags"]
    assert {"upstream_reset", "upstream_protocol_error"} & set(outcome["gateway.outcome.flags"])


@both_ways
@pytest.mark.parametrize("fault", ["malformed_sse", "no_usage"])
def test_a_provider_that_does_not_say_what_it_used(stack: Stack, options: dict[str, Any], fault: str) -> None:
    stack.simulate("us", fault=fault, count=1, tokens_per_second=0)
    with outcome_of(stack) as outcome:
        seen, _ = read_to_the_end(stack, **options)
    assert seen >= WORDS
    assert outcome["event"] == "request:outcome:settled"
    assert outcome["gen_ai.usage.output_tokens"] >= WORDS
    flags = set(outcome["gateway.outcome.flags"])
    assert "usage_estimated" in flags
    assert ("half_stream" in flags) == (fault == "malformed_sse" and options is INSPECTED)
    with outcome_of(stack) as next_outcome, stack.client() as client:
        assert client.post("/chat/completions", json=chat("Hello")).status_code == 200
    assert "gateway.outcome.flags" not in next_outcome


def test_a_provider_that_says_nothing_is_given_up_and_costs_nothing(stack: Stack) -> None:
    stack.simulate("us", fault="hang", count=1)
    with outcome_of(stack) as outcome, stack.client() as client:
        started = time.monotonic()
        answer = client.post("/chat/completions", json=question())
        assert time.monotonic() - started < HOLD_TTL_SECONDS
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "provider_timeout")
    assert (outcome["http.response.status_code"], outcome["gateway.budget.cost_nano"]) == (504, 0)
    assert "timeout" in outcome["gateway.outcome.flags"]


def test_callers_who_hardly_read_do_not_pile_up_in_the_processors(stack: Stack) -> None:
    words, callers = 30_000, 4
    stack.simulate("us", tokens_per_second=0)
    body = json.dumps(question(words) | {"max_tokens": words + 10}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {stack.token()}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    with stack.client() as reader:  # what is allocated once for a request of this size is not what piles up
        for _ in range(2 * callers):
            assert reader.post("/chat/completions", content=body, headers={"content-type": "application/json"}).content
    before = peak = resident_bytes(stack)
    with ExitStack() as connections:
        for _ in range(callers):
            connection = connections.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            connection.connect(("127.0.0.1", stack.ports.gateway))
            connection.sendall(head + body)
            assert connection.recv(12) == b"HTTP/1.1 200"
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            assert connection.recv(1)
            peak = max(peak, resident_bytes(stack))
            time.sleep(0.02)
        assert sum(entry["frames_sent"] for entry in stack.upstream_log()) > words, "too little was sent to tell"
    assert peak - before < PILE_BYTES_MAX


def resident_bytes(stack: Stack) -> int:
    """Of both processors together."""
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    pids = [stack.pid(f"processor-{index}") for index in (0, 1)]
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * page_bytes


async def cancelled_streams(stack: Stack, options: dict[str, Any]) -> dict[str, int]:
    """CANCELLED streams, each left behind a chunk drawn by lot: the tokens that its caller has seen, by exchange."""
    chance, seen, turns = random.Random(CANCELLED), {}, asyncio.Semaphore(AT_ONCE)
    headers = {"authorization": f"Bearer {stack.token()}"}

    async def leave(client: httpx.AsyncClient, chunks: int) -> None:
        async with turns, client.stream("POST", "/chat/completions", json=question(**options)) as response:
            assert response.status_code == 200
            exchange = response.headers["x-request-id"]
            seen[exchange] = 0
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    choices = json.loads(line[6:])["choices"]
                    seen[exchange] += bool(choices and choices[0]["delta"].get("content"))  # a token of the simulator
                    chunks -= 1
                if chunks < 0:
                    break

    async with (
        httpx.AsyncClient(base_url=stack.base_url, headers=headers, timeout=30, **PLAIN) as client,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(CANCELLED):
            tasks.create_task(leave(client, chance.randrange(WORDS)))
    return seen


@both_ways
def test_streams_cancelled_anywhere_are_recorded_and_paid_for(stack: Stack, options: dict[str, Any]) -> None:
    for deployment in ("us", "eu"):
        stack.simulate(deployment, tokens_per_second=8 * WORDS_PER_SECOND)
    seen = asyncio.run(cancelled_streams(stack, options))
    assert len(seen) == CANCELLED
    assert len(set(seen.values())) > WORDS // 2, "too few places to tell"
    rows: dict[str, list[Any]] = {}
    deadline = time.monotonic() + 2 * SETTLED_SECONDS
    with closing(sqlite3.connect(f"file:{stack.layout.ledger}?mode=ro", uri=True)) as ledger:
        while any(rows.get(each, ("held",))[0] == "held" for each in seen):
            assert time.monotonic() < deadline, "a hold is still open"
            time.sleep(0.05)
            found = ledger.execute("SELECT id, state, output_tokens, cost_nano, flags FROM hold").fetchall()
            rows = {each: row for each, *row in found}
        assert ledger.execute("SELECT sum(held_nano) FROM account").fetchone() == (0,)
    for exchange, tokens in seen.items():
        state, recorded, cost_nano, _ = rows[exchange]
        assert state == "posted", exchange
        assert recorded is not None
        assert recorded >= tokens, exchange
        assert cost_nano > 0, exchange
    assert sum("client_aborted" in rows[exchange][3] for exchange in seen) > 0.8 * CANCELLED


def test_streams_that_come_faster_than_they_are_read_end_whole_and_keep_no_request_from_its_decision(
    stack: Stack,
) -> None:
    stack.simulate("us", tokens_per_second=0)
    stack.simulate("eu", tokens_per_second=0)
    statuses, ends, words = asyncio.run(crowd(stack))
    assert set(statuses) == {200}
    assert ends == ["data: [DONE]"] * CROWD
    assert len(set(words)) == 1
    assert words[0] >= WORDS


async def crowd(stack: Stack) -> tuple[list[int], list[str], list[int]]:
    """CROWD streams that the Guard reads, and a caller who asks without pause meanwhile: statuses of all answers, the last lines
    of the streams, and how many words each had."""
    watched = question() | {"messages": [
        {"role": "system", "content": f"Never repeat {new_canary(bytes(RANDOM_BYTES))}."}, *question()["messages"],
    ]}  # fmt: skip
    statuses: list[int] = []
    headers = {"authorization": f"Bearer {stack.token()}"}

    async def stream(client: httpx.AsyncClient) -> list[str]:
        async with client.stream("POST", "/chat/completions", json=watched) as response:
            statuses.append(response.status_code)
            return [line async for line in response.aiter_lines() if line]

    async def ask(client: httpx.AsyncClient) -> None:
        while True:
            statuses.append((await client.post("/chat/completions", json=chat("Hello"))).status_code)

    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(base_url=stack.base_url, headers=headers, timeout=60, limits=limits, **PLAIN) as client,
        asyncio.TaskGroup() as group,
    ):
        streams = [group.create_task(stream(client)) for _ in range(CROWD)]
        asking = group.create_task(ask(client))
        await asyncio.wait(streams)
        asking.cancel()
    lines = [stream.result() for stream in streams]
    return statuses, [each[-1] for each in lines], [sum('"content":"' in line for line in each) for each in lines]
