"""A run: the contestants of a case are up at the same time on the same upstream, and take turns in each of its rounds.

What disturbs the machine for a while thus hits all of them. What those take who wait for their turn is measured first, and
told; who takes part in no further case is ended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from subprocess import SubprocessError

from benchmarks import measure
from benchmarks.cases import CHAT, Case
from benchmarks.contestants import Contestant, DidNotStart
from benchmarks.field import Entrant
from benchmarks.measure import STREAMS_OPEN_SECONDS, Sample
from benchmarks.processes import PROJECT, child, free_ports, wait_for_port
from benchmarks.progress import Progress
from benchmarks.results import DIRECT, DIRECT_LOAD, SATURATION, STREAMS, Profile, Row, row_of

WARM_UP_SECONDS = 0.5
REST_SECONDS = 2.0
FIRST_ANSWER_SECONDS_MAX = 30.0
LONELY = OSError, ExceptionGroup  # what it raises when a contestant is gone or silent


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. `shares`: of a contestant's own capacity. `rate`: the same for all, in the first case."""

    seconds: float = 2.5
    rounds: int = 2  # of CHAT; of other cases half as many
    shares: Sequence[float] = (0.25, 0.5, 0.75)
    rate: float = 200.0

    def rounds_of(self, case: Case) -> int:
        return self.rounds if case is CHAT else max(1, self.rounds // 2)

    def turn_seconds(self, case: Case) -> float:
        if case.streams:
            return STREAMS_OPEN_SECONDS + 5
        return WARM_UP_SECONDS + self.seconds * (1 + len(self.shares) + (case is CHAT))


@dataclass(slots=True)
class Runner:
    """A contestant that is up, with what was found out about it."""

    entrant: Entrant
    contestant: Contestant
    profile: Profile
    end: Callable[[], object]

    def finish(self) -> None:
        """See what memory is left in use once nobody asks any more, and end it."""
        time.sleep(REST_SECONDS)
        with contextlib.suppress(OSError):  # it has ended already
            self.profile = dataclasses.replace(self.profile, after_mib=measure.memory(self.contestant))
        self.end()

    def note_load(self) -> None:
        """Remember the most memory that was seen."""
        now, most = measure.memory(self.contestant), self.profile.loaded_mib
        if sum(now.values()) > sum(most.values()):
            self.profile = dataclasses.replace(self.profile, loaded_mib=now)


def run(entrants: Sequence[Entrant], cases: Sequence[Case], plan: Plan, root: Path) -> tuple[list[Profile], list[Row]]:
    """All of it. Bounded: every load has its end in time, whoever answers or not."""
    turns = [(case, entrant) for case in cases for entrant in entrants if entrant.takes(case)]
    progress = Progress(10.0 * len(entrants) + sum(plan.turn_seconds(case) * plan.rounds_of(case) for case, _ in turns))
    rows: list[Row] = []
    with started(entrants, root, progress) as (runners, absent):
        _rest(runners)
        waiting = list(runners)
        for number, case in enumerate(cases):
            rows += _case(case, [each for each in waiting if each.entrant.takes(case)], plan, progress)
            for runner in [each for each in waiting if not any(map(each.entrant.takes, cases[number + 1 :]))]:
                runner.finish()
                waiting.remove(runner)
        profiles = [each.profile for each in runners]
    progress.close()
    return profiles + absent, rows


@contextlib.contextmanager
def started(
    entrants: Sequence[Entrant], root: Path, progress: Progress
) -> Iterator[tuple[list[Runner], list[Profile]]]:
    """Who is up, and the profiles of those who did not start."""
    runners: list[Runner] = []
    absent: list[Profile] = []
    (upstream,) = free_ports(1)
    with ExitStack() as stack:
        script = PROJECT / "benchmarks" / "fixed_upstream.py"
        stack.enter_context(child(sys.executable, script, str(upstream), log=root / "upstream.log"))
        wait_for_port(upstream)
        for number, entrant in enumerate(entrants):
            progress.step("starting", entrant.name, 10.0)
            began = time.perf_counter()
            profile = Profile(entrant.name, entrant.is_ours, entrant.is_peer)
            own = stack.enter_context(ExitStack())
            try:
                contestant = own.enter_context(entrant.start(entrant.name, root / f"c{number}", upstream))
                _first_answer(contestant)
            except (DidNotStart, OSError, SubprocessError) as error:
                own.close()
                absent.append(dataclasses.replace(profile, reason=str(error) or type(error).__name__))
                continue
            took = time.perf_counter() - began
            profile = dataclasses.replace(profile, start_seconds=took, installed=dict(contestant.installed))
            runners.append(Runner(entrant, contestant, profile, own.close))
        yield runners, absent


def _first_answer(contestant: Contestant) -> None:
    deadline = time.monotonic() + FIRST_ANSWER_SECONDS_MAX
    while time.monotonic() < deadline:
        with contextlib.suppress(*LONELY):
            if measure.ask(contestant, dataclasses.replace(CHAT, connections=1), seconds=0.01, rate=100).requests:
                return
    raise DidNotStart(f"no answer within {FIRST_ANSWER_SECONDS_MAX:.0f} s")


def _rest(runners: Sequence[Runner]) -> None:
    """What each takes when nobody asks it anything."""
    before = [sum(measure.cpu(each.contestant).values()) for each in runners]
    time.sleep(REST_SECONDS)
    for each, used in zip(runners, before, strict=True):
        idle_ms = (sum(measure.cpu(each.contestant).values()) - used) / REST_SECONDS * 1000
        mib = measure.memory(each.contestant)
        each.profile = dataclasses.replace(each.profile, idle_cpu_ms=idle_ms, idle_mib=mib, loaded_mib=mib)


def _case(case: Case, runners: Sequence[Runner], plan: Plan, progress: Progress) -> Iterator[Row]:
    samples: dict[tuple[str, str], list[Sample]] = {}
    offered: dict[tuple[str, str], float] = {}
    gone: dict[str, str] = {}
    for number in range(plan.rounds_of(case)):
        for runner in runners if number % 2 == 0 else reversed(runners):
            name = runner.contestant.name
            progress.step(case.title, name, plan.turn_seconds(case))
            if name in gone:
                continue
            try:
                for load, rate, sample in _turn(runner, case, plan, samples.get((name, SATURATION), [])):
                    samples.setdefault((name, load), []).append(sample)
                    offered[name, load] = rate
                runner.note_load()
            except LONELY as error:
                first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
                gone[name] = f"it was gone ({type(first).__name__})"
    for (name, load), found in samples.items():
        on_path = next(each.contestant.on_path for each in runners if each.contestant.name == name)
        yield row_of(name, case.name, load, found, on_path, offered[name, load])
    for name, reason in gone.items():
        yield Row(name, case.name, SATURATION, reason=reason)


def _turn(
    runner: Runner, case: Case, plan: Plan, saturated_before: Sequence[Sample]
) -> Iterator[tuple[str, float, Sample]]:
    """Load, requests offered a second (0: as many as it answers), and what was found."""
    contestant = runner.contestant
    if case.streams:
        yield STREAMS, 0.0, measure.stream(contestant, case)
        return
    if runner.entrant.name == DIRECT:
        rate = float(DIRECT_LOAD.removesuffix("/s"))  # the upstream has nothing else to do
        yield DIRECT_LOAD, rate, measure.ask(contestant, case, seconds=plan.seconds, rate=rate)
        return
    warm = measure.ask(contestant, case, seconds=WARM_UP_SECONDS)
    if not warm.requests:
        yield SATURATION, 0.0, warm
        return
    saturated = measure.ask(contestant, case, seconds=plan.seconds)
    yield SATURATION, 0.0, saturated
    capacity = measure.capacity([*saturated_before, saturated])
    rates = {f"{share:.0%}": share * capacity for share in plan.shares}
    if case is CHAT and plan.rate <= max(plan.shares) * capacity:
        rates[f"{plan.rate:.0f}/s"] = plan.rate
    for load, rate in rates.items():
        yield load, rate, measure.ask(contestant, case, seconds=plan.seconds, rate=rate)
