"""Contestants stand still while others are asked, and nobody stays stopped, whatever happens."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.contest import measure, race, runner
from benchmarks.contest.cases import CHAT, Case
from benchmarks.contest.field import Entrant
from benchmarks.contest.measure import Sample
from benchmarks.contest.progress import Progress
from benchmarks.contest.results import STREAMS, Profile, Row
from benchmarks.contestants.contestant import Contestant
from benchmarks.machine.processes import child, free_ports, wait_for_port

PLAN = race.Plan(seconds=0.05, rounds=1, shares=(0.5,), rate=1e9)


class Field:
    """Two entrants, each a model server of its own process."""

    def __init__(self) -> None:
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @contextlib.contextmanager
    def start(self, name: str, root: Path, upstream: int) -> Iterator[Contestant]:
        root.mkdir()
        (port,) = free_ports(1)
        command = (sys.executable, "-m", "benchmarks.load.fixed_upstream", str(port))
        with child(*command, log=root / "log") as process:
            wait_for_port(port)
            self.processes[name] = process
            yield Contestant(name, port, "", {"server": [process.pid]}, ("server",))

    def stopped(self) -> set[str]:
        stat = {name: Path(f"/proc/{each.pid}/stat").read_text() for name, each in self.processes.items()}
        return {name for name, line in stat.items() if line.rpartition(")")[2].split()[0] == "T"}

    def run(self, root: Path) -> tuple[list[Profile], list[Row]]:
        entrants = [Entrant(name, name, self.start) for name in ("one", "two")]
        ((profiles, rows),) = race.run(entrants, [CHAT], PLAN, root, Progress(1.0))
        return profiles, rows


@pytest.fixture
def field(monkeypatch: pytest.MonkeyPatch) -> Field:
    monkeypatch.setattr(runner, "REST_SECONDS", 0.01)
    monkeypatch.setattr(runner, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(race, "WARM_UP_SECONDS", 0.01)
    return Field()


def test_who_is_asked_is_the_only_one_that_runs(field: Field, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original, seen = measure.ask, []

    def ask(contestant: Contestant, case: Case, *, seconds: float, rate: float | None = None) -> Sample:
        seen.append((contestant.name, frozenset(field.stopped())))
        return original(contestant, case, seconds=seconds, rate=rate)

    monkeypatch.setattr(measure, "ask", ask)
    profiles, rows = field.run(tmp_path)
    assert {(name, *stopped) for name, stopped in seen[2:]} == {("one", "two"), ("two", "one")}
    assert {row.contestant for row in rows if row.requests} == {"one", "two"}
    assert all(each.idle_mib and each.loaded_mib and each.after_mib for each in profiles)
    assert {each.returncode for each in field.processes.values()} == {-signal.SIGTERM}, (
        "what is stopped has to be killed"
    )


def test_nobody_stays_stopped_when_a_run_is_broken_off(
    field: Field, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "rest", interrupt)
    with pytest.raises(KeyboardInterrupt):
        field.run(tmp_path)
    assert {each.returncode for each in field.processes.values()} == {-signal.SIGTERM}


def test_peers_that_did_not_carry_some_streams_are_not_asked_for_more() -> None:
    def up(name: str, *, is_peer: bool) -> runner.Runner:
        entrant = Entrant(name, name, Field().start, is_peer=is_peer)
        return runner.Runner(entrant, Contestant(name, 1, "", {}, ()), Profile(name), lambda: None)

    rows = [
        Row("all", "streams-50", STREAMS, requests=50),
        Row("some", "streams-50", STREAMS, requests=45, failed={"truncated": 5}),
        Row("none", "streams-50", STREAMS, reason="not one answer as expected (50 × 503)"),
        Row("all", "chat", "50%", requests=10, failed={"503": 1}),
    ]
    assert race.left_out(up("all", is_peer=True), rows) == ""
    assert race.left_out(up("some", is_peer=True), rows) == "not asked: 5 of 50 in case streams-50 failed"
    assert race.left_out(up("none", is_peer=True), rows) == "not one answer as expected (50 × 503)"
    assert race.left_out(up("some", is_peer=False), rows) == ""
