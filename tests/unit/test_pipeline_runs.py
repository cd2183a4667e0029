"""Runs of agents in the pipeline: a header's id narrows what may be spent, and is recorded; anything else in it is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.encoding import encode_event
from gateway_ext.budget.reserve import AccountKey
from gateway_ext.budget.rules import BudgetRule, Scope
from gateway_ext.budget.status import read_accounts
from gateway_ext.budget.windows import Calendar, Window
from gateway_ext.exchange import Answer
from gateway_ext.response.forwarded import Forwarded
from tests.unit.pipeline_world import World, code

BODY = b'{"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}'


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    yield made
    await made.ledger.close()


def limit_runs(world: World, **changes: Any) -> None:
    rule = BudgetRule("per-run", Scope.AGENT_RUN, "*", 60_000_000, Window(Calendar.TOTAL), **changes)
    world.change("budget", budgets=(*world.policy.snapshot.budget.budgets, rule), output_tokens_min=None)


async def test_a_run_is_held_to_its_own_budget_and_another_one_is_not(world: World) -> None:
    limit_runs(world)
    assert isinstance(await world.send_body(BODY, agent_run="run-1"), Forwarded)
    assert world.decision.agent_run == "run-1"
    assert "budget:per-run" in world.decision.rules
    assert code(await world.send_body(BODY, agent_run="run-1")) == "budget_exhausted"
    assert isinstance(await world.send_body(BODY, agent_run="run-2"), Forwarded)
    assert isinstance(await world.send_body(BODY), Forwarded)
    assert world.decision.agent_run == ""
    values = {key.value for key in map(AccountKey.parse, (each.key for each in read_accounts(world.path)))}
    assert {"demo@local/run-1", "demo@local/run-2"} <= values


async def test_who_has_to_name_a_run_and_does_not_is_refused(world: World) -> None:
    limit_runs(world, is_required=True)
    answer = await world.send_body(BODY)
    assert isinstance(answer, Answer)
    assert (answer.http_status, code(answer)) == (400, "agent_run_missing")
    assert (world.decision.refused_at, world.held()) == ("budget", 0)
    assert isinstance(await world.send_body(BODY, agent_run="run-1"), Forwarded)


async def test_what_is_no_id_is_refused_and_recorded_nowhere(world: World) -> None:
    answer = await world.send_body(BODY, agent_run="my secret plan")
    assert isinstance(answer, Answer)
    assert (answer.http_status, code(answer)) == (400, "agent_run_invalid")
    assert world.decision.agent_run == ""
    recorded = encode_event(world.decision, processor="p", run_id="r", sequence=1, time_unix_nano=1)
    assert b"secret" not in recorded + answer.body


async def test_the_callers_trace_is_recorded_and_what_is_none_is_not(world: World) -> None:
    header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert isinstance(await world.send_body(BODY, traceparent=header), Forwarded)
    parent = world.decision.trace_parent
    assert parent is not None
    assert (parent.trace_id, parent.span_id, parent.is_sampled) == (header[3:35], header[36:52], True)
    assert isinstance(await world.send_body(BODY, traceparent="my secret plan"), Forwarded)  # a header of nobody's
    assert world.decision.trace_parent is None
