"""The gateway on a ledger in PostgreSQL: the last cent, a processor that is killed, and a server that goes away and comes back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_ext.budget.postgres.migrate import migrate
from gateway_ext.limits import NANO
from tests.envoy.stack import COMMAND, Stack, chat, running_stack
from tests.faults.ledger_at import require_balance, rows
from tests.faults.traffic import Traffic
from tests.servers.postgres import Postgres, running_postgres

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(300)]

HOLD_TTL_SECONDS = 8
SWEPT_SECONDS = HOLD_TTL_SECONDS + 10  # the control process sweeps every five
CROWD = 1_000
AT_ONCE = 100
FITTING = 600  # requests of the crowd fit in its budget by their costs; by what is held for them, a few at a time


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as server:
        migrate(server.url)
        yield server


@pytest.fixture(scope="module")
def stack(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("postgres")
    with running_stack(root, change_policies=short_holds, settings=f"ledger_url: {server.url}\n") as running:
        yield running


def short_holds(policies: Path) -> None:
    budgets = policies / "budgets.yaml"
    text = budgets.read_text()
    assert "hold_ttl_seconds: 900" in text
    budgets.write_text(text.replace("hold_ttl_seconds: 900", f"hold_ttl_seconds: {HOLD_TTL_SECONDS}"))


# --- the books -------------------------------------------------------------------------------------------------------


def holds(server: Postgres, subject: str = "demo@local") -> list[tuple[str, int, int]]:
    """(state, amount, cost) of each."""
    return rows(server.url, "SELECT state, amount_nano, cost_nano FROM gateway.hold WHERE subject = $1", subject)


def closed_holds(server: Postgres, subject: str = "demo@local") -> Counter[str]:
    """How many are in which state, once none is held; the books balance."""
    deadline = time.monotonic() + SWEPT_SECONDS
    while (states := Counter(state for state, _, _ in holds(server, subject)))["held"]:
        assert time.monotonic() < deadline, f"still held: {states}"
        time.sleep(0.1)
    require_balance(server.url)
    return states


# --- what happens to them --------------------------------------------------------------------------------------------


def test_requests_and_streams_are_paid_from_postgresql(stack: Stack, server: Postgres) -> None:
    with stack.client() as client:
        assert client.post("/chat/completions", json=chat("Hello")).status_code == 200
        streamed = client.post("/chat/completions", json=chat("Hello", stream=True))
        assert streamed.text.endswith("data: [DONE]\n\n")
    assert closed_holds(server) == {"posted": 2}
    spent_nano = sum(cost for _, _, cost in holds(server))
    shown = budget_status(stack)
    assert {row["rule"]: (row["held_nano"], row["posted_nano"]) for row in shown} == {
        "per-team": (0, spent_nano),
        "per-user": (0, spent_nano),
    }
    assert not stack.layout.ledger.exists()


def budget_status(stack: Stack) -> list[dict[str, Any]]:
    settings = stack.state.parent / "settings.yaml"
    command = [*COMMAND, "budget", "status", "--json", "--state", str(stack.state), "--settings", str(settings)]
    shown = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return shown["budgets"]  # type: ignore[no-any-return]


def test_a_crowd_at_the_last_cent(stack: Stack, server: Postgres) -> None:
    asyncio.run(ask_all(stack, 1, "probe@local"))
    closed_holds(server, "probe@local")
    ((_, amount_nano, cost_nano),) = holds(server, "probe@local")
    limit_nano = (FITTING - 1) * cost_nano + amount_nano
    amount = f"{limit_nano // NANO}.{limit_nano % NANO:09d}"
    rule = f"  - {{name: crowd, scope: user, match: crowd@local, amount: {amount}, window: month}}\n"
    stack.use_policy(("budgets.yaml", "budgets:\n", f"budgets:\n{rule}"))

    waiting, granted = CROWD, 0
    while True:
        answers = asyncio.run(ask_all(stack, waiting, "crowd@local"))
        assert answers.keys() <= {(200, ""), (429, "budget_exhausted")}
        closed_holds(server, "crowd@local")
        granted += answers[200, ""]
        waiting -= answers[200, ""]
        spent_nano = sum(cost for _, _, cost in holds(server, "crowd@local"))
        assert spent_nano == granted * cost_nano
        assert spent_nano <= limit_nano
        if not answers[200, ""]:
            break
    assert granted == FITTING


async def ask_all(stack: Stack, requests: int, subject: str) -> Counter[tuple[int, str]]:
    """So many requests, AT_ONCE under way; status and error code of each."""
    headers = {"authorization": f"Bearer {stack.token(subject=subject)}"}
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(
        base_url=stack.base_url, headers=headers, timeout=60, limits=limits, trust_env=False
    ) as client:

        async def ask() -> tuple[int, str]:
            answer = await client.post("/chat/completions", json=chat("Hello", max_tokens=64))
            return answer.status_code, "" if answer.status_code == 200 else answer.json()["error"]["code"]

        return Counter(await asyncio.gather(*(ask() for _ in range(requests))))


def test_a_processor_is_killed_under_load(stack: Stack, server: Postgres) -> None:
    before = closed_holds(server)
    stack.forget_upstream_log()
    with Traffic(stack) as traffic:
        traffic.flows()
        stack.kill("processor-0")
        traffic.flows()
    require_each_paid_once(stack, server, before)


def test_a_restarted_server_is_found_again_by_the_same_processors(stack: Stack, server: Postgres) -> None:
    stack.wait_healthy()
    processes = {name: stack.pid(name) for name in ("processor-0", "processor-1", "control")}
    before = closed_holds(server)
    stack.forget_upstream_log()
    with Traffic(stack) as traffic:
        traffic.flows()
        server.kill()
        refused = wait_for_refusals(traffic)
        server.start()
        traffic.flows()
    assert refused
    assert traffic.ended.keys() <= {(200, ""), (503, "ledger_unavailable")}
    assert {name: stack.pid(name) for name in processes} == processes
    require_each_paid_once(stack, server, before)


def wait_for_refusals(traffic: Traffic) -> int:
    deadline = time.monotonic() + 15
    while (refused := traffic.ended[503, "ledger_unavailable"]) < 5:
        assert time.monotonic() < deadline, f"nobody is refused: {traffic.ended}"
        time.sleep(0.05)
    return refused


def require_each_paid_once(stack: Stack, server: Postgres, before: Counter[str]) -> None:
    """What reached the provider is paid for, once; what expired besides is a hold whose grant nobody heard of."""
    states = closed_holds(server) - before
    served = len(stack.upstream_log())
    assert states["posted"] <= served <= states["posted"] + states["expired"]


def test_without_its_tables_the_gateway_says_what_to_do(tmp_path: Path) -> None:
    with (
        running_postgres() as empty,
        pytest.raises(AssertionError, match="run 'gateway-ext ledger migrate'"),
        running_stack(tmp_path, settings=f"ledger_url: {empty.url}\n"),
    ):
        pass
