from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO
from gateway_ext.policy import watcher as watcher_module
from gateway_ext.policy.problems import PolicyError
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.policy.watcher import PolicyWatcher


def no_error(error: ConfigurationError) -> None:
    raise AssertionError(error.diagnostics())


def write_amount(directory: Path, amount: int) -> None:
    path = directory / "budgets.yaml"
    lines = path.read_text().replace("amount: 20}", f"amount: {amount}}}")
    path.write_text(lines)


def edit(directory: Path, old: str, new: str) -> None:
    path = directory / "budgets.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def amount_of(snapshot: Snapshot) -> int:
    return snapshot.budget.budgets[0].limit_nano // NANO


def amount_nano(watcher: PolicyWatcher) -> int:
    return watcher.current().budget.budgets[0].limit_nano


async def settle(watcher: PolicyWatcher) -> None:
    for _ in range(2):
        await watcher.poll()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  a condition on the file system has no event
            await asyncio.sleep(0.005)


def test_a_bad_policy_at_start_raises(policy_dir: Path) -> None:
    (policy_dir / "guard.yaml").unlink()
    with pytest.raises(PolicyError, match=r"guard\.yaml:1:1"):
        PolicyWatcher(policy_dir, no_error)


async def test_a_change_is_taken_when_it_has_settled(policy_dir: Path) -> None:
    times = itertools.count(1)
    watcher = PolicyWatcher(policy_dir, no_error, now_unix_nano=lambda: next(times))
    await settle(watcher)
    first = watcher.current()
    write_amount(policy_dir, 35)
    await watcher.poll()
    assert watcher.current() is first
    await watcher.poll()
    assert amount_nano(watcher) == 35_000_000_000
    assert first.budget.budgets[0].limit_nano == 20_000_000_000  # what an exchange holds does not change
    assert watcher.loaded_unix_nano == 2


async def test_a_process_may_wait_longer_than_others(policy_dir: Path) -> None:
    watcher = PolicyWatcher(policy_dir, no_error, settled_polls=3)
    write_amount(policy_dir, 35)
    for _ in range(3):
        await watcher.poll()
        assert amount_nano(watcher) == 20_000_000_000
    await watcher.poll()
    assert amount_nano(watcher) == 35_000_000_000


async def test_it_waits_for_whoever_has_to_know_first(policy_dir: Path) -> None:
    known: list[str] = []
    asked: list[str] = []

    def is_ready(snapshot: Snapshot) -> bool:
        asked.append(snapshot.digest)
        return snapshot.digest in known

    watcher = PolicyWatcher(policy_dir, no_error, poll_seconds=0.01, is_ready=is_ready)
    await settle(watcher)
    write_amount(policy_dir, 35)
    await watcher.poll()
    taking = asyncio.get_running_loop().create_task(watcher.poll())
    await eventually(lambda: len(asked) > 2)
    assert amount_nano(watcher) == 20_000_000_000
    known.append(asked[0])
    await taking
    assert amount_nano(watcher) == 35_000_000_000


async def test_what_changes_while_it_waits_is_settled_anew(policy_dir: Path) -> None:
    watcher = PolicyWatcher(policy_dir, no_error, poll_seconds=0.01, is_ready=lambda each: amount_of(each) != 35)
    await settle(watcher)
    write_amount(policy_dir, 35)
    await watcher.poll()
    taking = asyncio.get_running_loop().create_task(watcher.poll())
    await asyncio.sleep(0.05)
    edit(policy_dir, "amount: 35}", "amount: 36}")
    await taking
    assert amount_nano(watcher) == 20_000_000_000
    await settle(watcher)
    assert amount_nano(watcher) == 36_000_000_000


async def test_it_does_not_wait_for_ever(
    policy_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watcher_module, "POLICY_READY_SECONDS", 0.05)
    watcher = PolicyWatcher(policy_dir, no_error, poll_seconds=0.01, is_ready=lambda _: False)
    await settle(watcher)
    write_amount(policy_dir, 35)
    await settle(watcher)
    assert amount_nano(watcher) == 35_000_000_000
    assert "is taken, but Envoy's files do not follow it" in caplog.text


async def test_a_half_written_file_that_happens_to_be_valid_is_not_taken(policy_dir: Path) -> None:
    watcher = PolicyWatcher(policy_dir, no_error)
    await settle(watcher)
    path = policy_dir / "access.yaml"
    whole = path.read_text()
    first_rule_only = whole[: whole.index("\n  - {name: services")] + "\n"
    path.write_text(first_rule_only)
    await watcher.poll()
    path.write_text(whole + "  - {name: third, models: [local], teams: [x]}\n")
    await settle(watcher)
    assert len(watcher.current().identity.access) == 3


async def test_a_broken_file_keeps_the_last_good_policy_and_names_the_line(policy_dir: Path) -> None:
    errors: list[ConfigurationError] = []
    watcher = PolicyWatcher(policy_dir, errors.append)
    await settle(watcher)
    good = watcher.current()
    path = policy_dir / "budgets.yaml"
    text = path.read_text()

    path.write_text(text.replace("amount: 20}", "amount: lots}"))
    await settle(watcher)
    assert watcher.current() is good
    assert watcher.last_error is errors[0]
    assert "budgets.yaml:4:43" in errors[0].diagnostics()
    await settle(watcher)
    assert len(errors) == 1  # once for each state, not for each poll

    path.write_text(text.replace("amount: 20}", "amount: 21}"))
    await settle(watcher)
    assert amount_nano(watcher) == 21_000_000_000
    assert watcher.last_error is None


async def test_putting_back_what_was_there_clears_the_error(policy_dir: Path) -> None:
    errors: list[ConfigurationError] = []
    watcher = PolicyWatcher(policy_dir, errors.append)
    good, path = watcher.current(), policy_dir / "guard.yaml"
    text = path.read_text()
    path.unlink()
    await settle(watcher)
    assert errors
    path.write_text(text)
    await settle(watcher)
    assert watcher.last_error is None
    assert watcher.current() is good


async def test_a_directory_that_vanishes_keeps_the_last_good_policy(policy_dir: Path) -> None:
    errors: list[ConfigurationError] = []
    watcher = PolicyWatcher(policy_dir, errors.append)
    await settle(watcher)
    await asyncio.to_thread(policy_dir.rename, policy_dir.with_name("away"))
    await settle(watcher)
    assert len(errors) == 1
    await asyncio.to_thread(policy_dir.with_name("away").rename, policy_dir)
    await settle(watcher)
    assert watcher.last_error is None


async def test_the_task_follows_changes_until_it_is_stopped(policy_dir: Path) -> None:
    watcher = PolicyWatcher(policy_dir, no_error, poll_seconds=0.01)
    await watcher.start()
    write_amount(policy_dir, 35)
    await eventually(lambda: amount_nano(watcher) == 35_000_000_000)
    await watcher.stop()
    path = policy_dir / "budgets.yaml"
    path.write_text(path.read_text().replace("amount: 35}", "amount: 40}"))
    await asyncio.sleep(0.05)
    assert amount_nano(watcher) == 35_000_000_000


async def test_an_unforeseen_failure_does_not_end_the_watch(
    policy_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = PolicyWatcher(policy_dir, no_error, poll_seconds=0.01)
    with monkeypatch.context() as patch:
        patch.setattr(watcher_module, "read_directory", lambda _: 1 / 0)
        await watcher.start()
        await eventually(lambda: watcher.last_error is not None)
    assert "ZeroDivisionError" in str(watcher.last_error)
    write_amount(policy_dir, 35)
    await eventually(lambda: amount_nano(watcher) == 35_000_000_000)
    assert watcher.last_error is None
    await watcher.stop()
    assert "last good policy stays in force" in caplog.text
