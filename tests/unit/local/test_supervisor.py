"""Real child processes: order, restarts, shutdown and what happens when the parent dies."""

import asyncio
import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.local import child
from gateway_ext.local.child import Program, State, Status
from gateway_ext.local.supervisor import Supervisor

STUBBORN = "trap '' TERM; echo up; while :; do sleep 0.05; done"
ALL_CORES = Path("/proc/self/status").read_text().partition("Cpus_allowed_list:")[2].split()[0]


def shell(name: str, script: str, probe: Callable[[], bool] = lambda: True, grace_seconds: float = 5.0) -> Program:
    async def is_ready() -> bool:
        return probe()

    return Program(name, ["/bin/sh", "-c", script], is_ready, stop_grace_seconds=grace_seconds)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_program_has_all_cores_while_it_starts_and_its_own_from_then_on(tmp_path: Path) -> None:
    own = min(os.sched_getaffinity(0))
    ready, before = tmp_path / "ready", tmp_path / "before"
    script = f"grep Cpus_allowed_list /proc/self/status > {before}; touch {ready}; while :; do sleep 0.02; done"
    program = dataclasses.replace(shell("one", script, probe=ready.exists), cores=frozenset({own}))
    async with Supervisor([[program]], tmp_path / "log") as supervisor:
        (status,) = supervisor.statuses()
        assert status.pid is not None
        assert os.sched_getaffinity(status.pid) == {own}
    assert before.read_text().split()[1] == ALL_CORES


async def test_the_next_starts_when_the_one_before_is_ready_and_stopping_goes_backwards(tmp_path: Path) -> None:
    order = tmp_path / "order"
    ready = tmp_path / "ready"
    trap = "trap 'echo -{0} >> {1}; exit' TERM; echo +{0} >> {1}; {2} while :; do sleep 0.02; done"
    programs = [
        shell("one", trap.format("one", order, f"sleep 0.2; touch {ready};"), probe=ready.exists),
        shell(
            "two", trap.format("two", order, f"test -e {ready} || exit 9;"), probe=lambda: "+two" in order.read_text()
        ),
    ]
    async with Supervisor([[each] for each in programs], tmp_path / "log") as supervisor:
        assert [(status.name, status.state, status.restarts) for status in supervisor.statuses()] == [
            ("one", State.READY, 0),
            ("two", State.READY, 0),
        ]
    assert order.read_text().split() == ["+one", "+two", "-two", "-one"]
    assert {status.state for status in supervisor.statuses()} == {State.STOPPED}
    assert {status.pid for status in supervisor.statuses()} == {None}


async def test_programs_of_one_stage_start_together(tmp_path: Path) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    wait_for = "while [ ! -e {0} ]; do sleep 0.02; done; touch {1}; sleep 60"
    programs = [
        shell("one", f"touch {left}; {wait_for.format(right, tmp_path / 'one')}", probe=(tmp_path / "one").exists),
        shell("two", f"touch {right}; {wait_for.format(left, tmp_path / 'two')}", probe=(tmp_path / "two").exists),
    ]
    async with Supervisor([programs], tmp_path, ready_seconds=5) as supervisor:
        assert {status.state for status in supervisor.statuses()} == {State.READY}


async def test_only_what_waits_starts_after_the_stages_before_it(tmp_path: Path) -> None:
    order, go = tmp_path / "order", tmp_path / "go"
    order.touch()
    slow = shell("slow", f"echo slow >> {order}; while [ ! -e {go} ]; do sleep 0.02; done; sleep 60", probe=go.exists)
    script = f"grep -q slow {order} || sleep 0.3; echo beside >> {order}; touch {go}; sleep 60"
    beside = dataclasses.replace(shell("beside", script), waits=False)
    last = shell("last", f"test -e {go} && echo last >> {order}; sleep 60", probe=lambda: "last" in order.read_text())
    async with Supervisor([[slow], [beside], [last]], tmp_path / "log", ready_seconds=5) as supervisor:
        assert {status.state for status in supervisor.statuses()} == {State.READY}
    assert order.read_text().split() == ["slow", "beside", "last"]


async def test_a_crashed_child_is_restarted_and_its_neighbour_left_alone(tmp_path: Path) -> None:
    changes: list[Status] = []
    programs = [shell("one", "sleep 60"), shell("two", "sleep 60")]
    async with Supervisor([programs], tmp_path, changes.append) as supervisor:
        one, two = supervisor.statuses()
        assert one.pid is not None
        os.kill(one.pid, signal.SIGKILL)
        await until(lambda: supervisor.statuses()[0].restarts == 1 and supervisor.statuses()[0].state is State.READY)
        assert supervisor.statuses()[0].pid not in (None, one.pid)
        assert supervisor.statuses()[1] == two
    assert [change.state for change in changes if change.name == "one"][:5] == [
        State.STARTING,
        State.READY,
        State.CRASHED,
        State.STARTING,
        State.READY,
    ]


async def test_restarts_slow_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "BACKOFF_FIRST_SECONDS", 0.05)
    starts = tmp_path / "starts"
    program = shell("one", f"date +%s%N >> {starts}; sleep 0.15", probe=starts.exists)
    async with Supervisor([[program]], tmp_path):
        await until(lambda: len(starts.read_text().split()) >= 4)
    times = [int(line) / 1e9 for line in starts.read_text().split()]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses[2] > pauses[0] + 0.1  # 0.05, 0.1, 0.2 s between end and start


async def test_a_first_start_that_fails_is_an_error_with_the_childs_own_words(tmp_path: Path) -> None:
    stopped, trapped = tmp_path / "stopped", tmp_path / "trapped"
    script = f"trap 'touch {stopped}; exit' TERM; touch {trapped}; while :; do sleep 0.02; done"
    programs = [
        shell("good", script, probe=trapped.exists),
        shell("bad", "echo 'bad setting in line 3' >&2; exit 7", probe=lambda: False),
        shell("never", f"touch {tmp_path}/never"),
    ]
    with pytest.raises(ConfigurationError, match=r"bad ended with status 7 .*\n  bad setting in line 3"):
        await Supervisor([[each] for each in programs], tmp_path).__aenter__()
    assert stopped.exists()
    assert not (tmp_path / "never").exists()


async def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ghost cannot be started"):
        await Supervisor([[Program("ghost", ["/nonexistent/ghost"])]], tmp_path).__aenter__()


async def test_a_child_that_never_becomes_ready_is_an_error(tmp_path: Path) -> None:
    supervisor = Supervisor([[shell("slow", "sleep 60", probe=lambda: False)]], tmp_path, ready_seconds=0.3)
    with pytest.raises(ConfigurationError, match="slow did not become ready within"):
        await supervisor.__aenter__()
    assert supervisor.statuses()[0].pid is None


async def test_a_child_that_ignores_sigterm_is_killed_after_its_grace_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    program = shell("stubborn", f"sleep 60 & echo $! >> {pids}; {STUBBORN}", probe=pids.exists, grace_seconds=0.3)
    async with Supervisor([[program]], tmp_path) as supervisor:
        pid = supervisor.statuses()[0].pid
        assert pid is not None
        grandchild = int(pids.read_text())
        assert is_alive(grandchild)
        began = time.monotonic()
    assert 0.3 <= time.monotonic() - began < 2
    assert not is_alive(pid)
    await until(lambda: not is_alive(grandchild))


async def test_hurry_does_not_wait_for_the_grace(tmp_path: Path) -> None:
    async with Supervisor([[shell("stubborn", STUBBORN, grace_seconds=60)]], tmp_path) as supervisor:
        await until(lambda: (tmp_path / "stubborn.log").read_text() == "up\n")
        asyncio.get_running_loop().call_later(0.1, supervisor.hurry)
        began = time.monotonic()
    assert time.monotonic() - began < 2


async def test_health_that_comes_and_goes_is_told_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "WATCH_SECONDS", 0.02)
    changes: list[State] = []
    sick = tmp_path / "sick"
    program = shell("one", "sleep 60", probe=lambda: not sick.exists())
    async with Supervisor([[program]], tmp_path, lambda status: changes.append(status.state)) as supervisor:
        sick.touch()
        await until(lambda: supervisor.statuses()[0].state is State.UNREADY)
        sick.unlink()
        await until(lambda: supervisor.statuses()[0].state is State.READY)
        assert supervisor.statuses()[0].restarts == 0
    assert changes == [State.STARTING, State.READY, State.UNREADY, State.READY, State.STOPPED]


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import asyncio
from pathlib import Path
from gateway_ext.local.child import Program
from gateway_ext.local.supervisor import Supervisor
async def main():
    async with Supervisor([[Program("one", ["sleep", "60"])]], Path({str(tmp_path)!r})) as supervisor:
        print(supervisor.statuses()[0].pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    for _ in range(200):
        if not is_alive(pid):
            return
        time.sleep(0.01)
    pytest.fail("the child outlived its parent")
