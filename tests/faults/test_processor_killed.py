"""A processor that dies under load: the other one serves on, nobody takes a part for the whole, and the books close."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

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
NOTICED_SECONDS = 3.0  # two health checks, or three failures, and what was under way


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
    except httpx.RemoteProtocolError:
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


async def load(stack: Stack, seconds: float, clients: int = CLIENTS) -> list[Ended]:
    """Each client asks again as soon as it is answered; every other request is a stream."""
    ended: list[Ended] = []
    until = time.monotonic() + seconds

    async def ask_again(client: httpx.AsyncClient, number: int) -> None:
        await asyncio.sleep(number / clients)  # so that requests begin and end all the time
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
    settled_by: str
    flags: tuple[str, ...]


def closed_holds(stack: Stack) -> dict[str, ClosedHold]:
    """All holds, as soon as none is open."""
    deadline = time.monotonic() + HOLD_TTL_SECONDS + SWEEP_SECONDS + 5
    with closing(sqlite3.connect(f"file:{stack.layout.ledger}?mode=ro", uri=True)) as ledger:
        while open_holds := ledger.execute("SELECT count(*) FROM hold WHERE state = 'held'").fetchone()[0]:
            assert time.monotonic() < deadline, f"{open_holds} holds are still open"
            time.sleep(0.1)
        rows = ledger.execute("SELECT id, state, cost_nano, settled_by, flags FROM hold").fetchall()
    return {key: ClosedHold(state, cost, by, tuple(json.loads(flags))) for key, state, cost, by, flags in rows}


def test_one_of_two_processors_is_killed_under_load(stack: Stack) -> None:
    first_pid = stack.pid("processor-0")
    ended, killed = asyncio.run(load_and_kill(stack, "processor-0"))
    ways = Counter((each.how, each.is_stream) for each in ended)
    print(ways, sorted(round(e.ended - killed, 2) for e in ended if e.how != "whole"))
    stack.wait_healthy()
    t = time.monotonic()
    while True:
        try:
            if stack.pid("processor-0") != first_pid: break
        except LookupError: pass
        assert time.monotonic() - t < 20
    holds = closed_holds(stack)
    print(Counter((h.state, h.settled_by, h.flags) for h in holds.values()))
    accounts = read_accounts(stack.layout.ledger)
    print(accounts, sum(h.cost_nano for h in holds.values()))
    time.sleep(2)
    records = stack.audit_records()
    outcomes = [r for r in records if ":outcome:" in r["event"]]
    by = {}
    for r in outcomes: by.setdefault(r["gateway.exchange.id"], []).append((r["event"], r["gateway.budget.cost_nano"], r.get("gateway.outcome.flags")))
    missing = {k: h for k, h in holds.items() if k not in by}
    print("missing", Counter((h.state, h.settled_by, h.flags) for h in missing.values()))
    print("double", [v for v in by.values() if len(v) > 1][:5])
    print("sum", sum(v[-1][1] for v in by.values()))
    print("recovered", Counter(v[-1][0] for v in by.values()))
    print(len(by), len(holds))
