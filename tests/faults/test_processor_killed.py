"""A processor that dies under load: the other one serves on, nobody takes a part for the whole, and the books close."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_ext.audit.segments import segment_sizes
from gateway_ext.budget.status import read_accounts
from tests.envoy.stack import Stack, chat, running_stack

pytestmark = pytest.mark.envoy

CLIENTS = 40
LOAD_SECONDS = 6.0
KILL_AFTER_SECONDS = 2.5
WORDS = 30
WORDS_PER_SECOND = 40.0
HOLD_TTL_SECONDS = 6  # Envoy gives up an exchange at nine tenths of it
SWEEP_SECONDS = 5.0  # of the control process
NOTICED_SECONDS = 2.0  # two health checks, or three failures, and what was under way


def short_holds(policies: Path) -> None:
    budgets = policies / "budgets.yaml"
    text = budgets.read_text()
    assert "hold_ttl_seconds: 900" in text
    budgets.write_text(text.replace("hold_ttl_seconds: 900", f"hold_ttl_seconds: {HOLD_TTL_SECONDS}"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("killed"), change_policies=short_holds) as running:
        for deployment in ("us", "eu"):
            running.simulate(deployment, tokens_per_second=WORDS_PER_SECOND)
        yield running


# --- the load --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ended:
    """How a request ended. `how`: whole, refused (an error status), cut (HTTP says so), short (a part as the whole)."""

    started: float
    ended: float
    is_stream: bool
    how: str


async def ask(client: httpx.AsyncClient, *, is_stream: bool) -> Ended:
    started, status, body = time.monotonic(), 0, b""
    try:
        content = chat("word " * WORDS, stream=is_stream, max_tokens=64)
        async with client.stream("POST", "/chat/completions", json=content) as response:
            status = response.status_code
            async for part in response.aiter_raw():
                body += part
        how = _how(status, body, is_stream=is_stream)
    except (httpx.RemoteProtocolError, httpx.ReadError):
        how = "cut"
    return Ended(started, time.monotonic(), is_stream, how)


def _how(status: int, body: bytes, *, is_stream: bool) -> str:
    if status >= 500:
        assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
        return "refused"
    assert status == 200
    if is_stream:
        return "whole" if body.endswith(b"data: [DONE]\n\n") and body.count(b"word") == WORDS else "short"
    return "whole" if json.loads(body)["choices"][0]["message"]["content"].count("word") == WORDS else "short"


async def load(stack: Stack, seconds: float, clients: int = CLIENTS, *, spread_seconds: float = 1.0) -> list[Ended]:
    """Each client asks again as soon as it is answered; every other request is a stream.

    They begin one after the other in the course of `spread_seconds`, so that requests begin and end all the time.
    """
    ended: list[Ended] = []
    until = time.monotonic() + seconds

    async def ask_again(client: httpx.AsyncClient, number: int) -> None:
        await asyncio.sleep(spread_seconds * number / clients)
        while time.monotonic() < until:
            number += 1
            ended.append(await ask(client, is_stream=number % 2 == 0))

    headers = {"authorization": f"Bearer {stack.token()}"}
    async with (
        httpx.AsyncClient(base_url=stack.base_url, headers=headers, timeout=30, trust_env=False) as client,
        asyncio.TaskGroup() as tasks,
    ):
        for number in range(clients):
            tasks.create_task(ask_again(client, number))
    return ended


async def load_and_kill(stack: Stack, name: str) -> tuple[list[Ended], float]:
    """The load, and when in it the processor was killed."""
    async with asyncio.TaskGroup() as tasks:
        loading = tasks.create_task(load(stack, LOAD_SECONDS))
        await asyncio.sleep(KILL_AFTER_SECONDS)
        await asyncio.to_thread(stack.kill, name)
        killed = time.monotonic()
    return loading.result(), killed


# --- the books -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClosedHold:
    state: str
    cost_nano: int
    flags: frozenset[str]


def closed_holds(stack: Stack) -> dict[str, ClosedHold]:
    """All holds, as soon as none is open."""
    deadline = time.monotonic() + HOLD_TTL_SECONDS + SWEEP_SECONDS + 5
    with closing(sqlite3.connect(f"file:{stack.layout.ledger}?mode=ro", uri=True)) as ledger:
        while open_holds := ledger.execute("SELECT count(*) FROM hold WHERE state = 'held'").fetchone()[0]:
            assert time.monotonic() < deadline, f"{open_holds} holds are still open"
            time.sleep(0.1)
        rows = ledger.execute("SELECT id, state, cost_nano, flags FROM hold").fetchall()
    return {key: ClosedHold(state, cost_nano, frozenset(json.loads(flags))) for key, state, cost_nano, flags in rows}


def assert_books_close(stack: Stack) -> dict[str, ClosedHold]:
    """Accounts, holds and audit trail say the same; what nobody reported is recorded as recovered. All holds."""
    holds = closed_holds(stack)
    assert {hold.state for hold in holds.values()} <= {"posted", "void", "expired"}
    spent_nano = sum(hold.cost_nano for hold in holds.values())
    accounts = read_accounts(stack.layout.ledger)
    assert [account.rule for account in accounts] == ["per-team", "per-user"]
    assert [(account.held_nano, account.posted_nano) for account in accounts] == [(0, spent_nano)] * 2
    charged = {key for key, hold in holds.items() if hold.state != "void"}
    records = stack.wait_for_records(lambda found: charged <= outcomes(found).keys())
    recorded = {key: outcomes(records)[key] for key in charged}
    assert sum(record["gateway.budget.cost_nano"] for record in recorded.values()) == spent_nano
    recovered = {key for key, record in recorded.items() if record["event"] == "request:outcome:recovered"}
    assert recovered == {key for key, hold in holds.items() if hold.state == "expired"}
    assert all("recovered" in recorded[key]["gateway.outcome.flags"] for key in recovered)
    return holds


def outcomes(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The last outcome of each exchange."""
    return {record["gateway.exchange.id"]: record for record in records if ":outcome:" in record["event"]}


# --- the faults ------------------------------------------------------------------------------------------------------


def wait_for_successor(stack: Stack, name: str, dead_pid: int) -> None:
    """Until the supervisor has started `name` again, and Envoy has found it."""
    deadline = time.monotonic() + 20
    while True:
        with suppress(LookupError):
            if stack.pid(name) != dead_pid:
                break
        assert time.monotonic() < deadline, f"{name} is not started again"
        time.sleep(0.1)
    cluster = f"http://127.0.0.1:{stack.ports.admin}/clusters?format=json"
    while "failed_active_health_check" in httpx.get(cluster, trust_env=False).text:
        assert time.monotonic() < deadline, f"Envoy does not find {name} again"
        time.sleep(0.1)


def decisions_of(stack: Stack, name: str) -> tuple[int, int]:
    """How far a processor has written its audit spool: the newest segment and its bytes. Older ones are deleted some day."""
    return max(segment_sizes(stack.layout.spool / name).items())


def test_one_of_two_processors_is_killed_under_load(stack: Stack) -> None:
    dead_pid = stack.pid("processor-0")
    ended, killed = asyncio.run(load_and_kill(stack, "processor-0"))
    failed = [each for each in ended if each.how != "whole"]
    assert {each.how for each in failed} <= {"cut", "refused"}
    assert all(killed - 0.2 < each.ended and each.started < killed + NOTICED_SECONDS for each in failed)
    # Streams of the other processor, which were under way, have not noticed.
    assert [each for each in ended if each.is_stream and each.started < killed < each.ended and each.how == "whole"]
    assert len([each for each in ended if each.started > killed + NOTICED_SECONDS]) >= CLIENTS // 2

    wait_for_successor(stack, "processor-0", dead_pid)
    written = decisions_of(stack, "processor-0")
    again = asyncio.run(load(stack, 1.0, clients=10))
    assert {each.how for each in again} == {"whole"}
    assert decisions_of(stack, "processor-0") > written
    holds = assert_books_close(stack)
    assert len(holds) == len(ended) + len(again) - Counter(each.how for each in failed)["refused"]


def test_envoy_is_killed_and_what_nobody_will_ever_report_is_recovered(stack: Stack) -> None:
    before = closed_holds(stack)
    ended = asyncio.run(load_and_kill_envoy(stack))
    assert {each.how for each in ended} == {"cut"}
    holds = assert_books_close(stack)
    lost = {key: hold for key, hold in holds.items() if key not in before}
    assert len(lost) == len(ended)
    assert {hold.state for hold in lost.values()} == {"expired"}
    stack.wait_healthy()
    assert {each.how for each in asyncio.run(load(stack, 0.1, clients=4))} == {"whole"}


async def load_and_kill_envoy(stack: Stack) -> list[Ended]:
    """Ten requests, all of them under way when Envoy is killed."""
    async with asyncio.TaskGroup() as tasks:
        loading = tasks.create_task(load(stack, 0.2, clients=10, spread_seconds=0.0))
        await asyncio.sleep(0.6)
        await asyncio.to_thread(stack.kill, "envoy")
    return loading.result()
