"""A control process that is killed while an alert is on its way: the next one brings it, and the trail has it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from gateway_ext.audit.reading import last_events
from gateway_ext.audit.segments import process_directories
from gateway_ext.budget.reserve import lines
from gateway_ext.budget.sqlite_ledger import SqliteLedger
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import CredentialClass, Principal, Usage
from gateway_ext.limits import NANO
from gateway_ext.policy.loader import load_policy
from tests.servers.webhooks import running_receiver
from tests.unit.budget.reservations import reservation

PROJECT = Path(__file__).parents[2]
BUDGETS = """
currency: EUR
timezone: Europe/Paris
alerts: {{webhooks: {{hook: {{url: "http://127.0.0.1:{port}/alerts"}}}}}}
budgets:
  - {{name: per-user, scope: user, amount: 0.00000004}}
"""


def prepare(root: Path, port: int) -> tuple[Path, Path]:
    """A state directory and a policy with one small budget and one webhook."""
    state, policies = root / "state", root / "policies"
    (state / "channels").mkdir(parents=True, mode=0o700)
    key = state / "channels" / "hook.key"
    key.write_text("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    key.chmod(0o600)
    shutil.copytree(PROJECT / "policies", policies)
    (policies / "budgets.yaml").write_text(BUDGETS.format(port=port))
    return state, policies


async def spend(state: Path, policies: Path, tokens: int) -> None:
    """By somebody whose budget is 40 tokens."""
    ledger = SqliteLedger(state / "ledger.sqlite", SystemClock())
    await ledger.open()
    principal = Principal("ada", "person", "company", CredentialClass.SSO, "")
    accounts = lines(load_policy(policies).budget, principal, "large", time.time_ns())
    await ledger.reserve(reservation("1", tokens, *accounts, expires_unix_nano=time.time_ns() + 900 * NANO))
    await ledger.post("1", Usage(tokens, 0, 0), "eu/model", "test")
    await ledger.close()


@asynccontextmanager
async def control(state: Path, policies: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with (state / "control.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "gateway_ext.cli.main",
                "control",
                "--state",
                str(state),
                "--policies",
                str(policies),
            ),
            *("--otlp-endpoint", "http://127.0.0.1:1"),
            cwd=PROJECT,
            stderr=log,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(is_true: Callable[[], bool], log: Path) -> None:
    for _ in range(1_200):
        if is_true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(log.read_text())  # noqa: ASYNC240  (at the end of a failed test)


def told(state: Path) -> list[tuple[str, str, int]]:
    return [
        (event.name, event.alert.value, event.alert.threshold_percent)
        for directory in process_directories(state / "spool")
        for event in last_events(directory, 100)
        if event.WhichOneof("body") == "alert"
    ]


async def test_what_was_on_its_way_arrives_after_the_restart(tmp_path: Path) -> None:
    log = tmp_path / "state" / "control.log"
    async with running_receiver() as receiver:
        state, policies = prepare(tmp_path, receiver.port)
        await spend(state, policies, 33)
        receiver.behave = ["silence"]
        async with control(state, policies):
            await until(lambda: receiver.seen == 1, log)
        receiver.behave = ["take"]
        async with control(state, policies) as process:
            await until(lambda: bool(receiver.taken), log)
            process.terminate()
            assert await process.wait() == 0
    ((_, body),) = receiver.taken
    (alert,) = json.loads(body)["alerts"]
    assert (alert["value"], alert["threshold_percent"], alert["posted"]) == ("ada", 80, "0.000000033")
    assert ("budget:threshold:reached", "ada", 80) in told(state)
