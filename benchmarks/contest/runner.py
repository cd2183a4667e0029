"""Contestants that are up: started one after the other, asked one at a time, and stopped while others are asked."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import SubprocessError

from benchmarks.contest import measure
from benchmarks.contest.cases import CHAT
from benchmarks.contest.field import Entrant
from benchmarks.contest.progress import Progress
from benchmarks.contest.results import Profile
from benchmarks.contestants.contestant import Contestant, DidNotStart
from benchmarks.load import fixed_upstream
from benchmarks.machine import pausing

REST_SECONDS = 2.0
SETTLE_SECONDS = 1.0  # for what a pause has put off: health checks, keys to be fetched again, records to be delivered
ANSWER_SECONDS_MAX = 30.0
START_SECONDS = 9.0  # for the estimate
LONELY = OSError, ExceptionGroup  # what it raises when a contestant is gone or silent


@dataclass(slots=True)
class Runner:
    """A contestant that is up, with what was found out about it. `end` ends its processes."""

    entrant: Entrant
    contestant: Contestant
    profile: Profile
    end: Callable[[], object]
    stopped: list[int] = field(default_factory=list)

    def pause(self) -> None:
        """It takes neither cores nor caches from others now."""
        self.stopped += pausing.stop(itertools.chain(*self.contestant.processes.values()))

    def go_on(self) -> None:
        pausing.go_on(self.stopped)
        self.stopped.clear()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """It is the only one that runs. Raises DidNotStart when it does not answer after its pause."""
        try:
            if self.stopped:
                self.go_on()
                first_answer(self.contestant)
                time.sleep(SETTLE_SECONDS)
            yield
        finally:
            self.pause()

    def finish(self) -> None:
        """See what memory is left in use once nobody asks any more, and end it."""
        self.go_on()
        time.sleep(REST_SECONDS)
        with contextlib.suppress(OSError):  # it has ended already
            self.profile = dataclasses.replace(self.profile, after_mib=measure.memory(self.contestant))
        self.end()

    def note_memory(self, mib: Mapping[str, float]) -> None:
        """Remember the most that was seen, by role."""
        if sum(mib.values()) > sum(self.profile.loaded_mib.values()):
            self.profile = dataclasses.replace(self.profile, loaded_mib=mib)


@contextlib.contextmanager
def started(
    entrants: Sequence[Entrant], root: Path, progress: Progress
) -> Iterator[tuple[list[Runner], list[Profile]]]:
    """Who is up, and paused, and the profiles of those who did not start. Whatever happens, nobody stays stopped."""
    runners: list[Runner] = []
    absent: list[Profile] = []
    with ExitStack() as stack:
        upstream = stack.enter_context(fixed_upstream.running(root))
        for number, entrant in enumerate(entrants):
            progress.step("starting", entrant.name, START_SECONDS)
            began = time.perf_counter()
            profile = Profile(entrant.name, entrant.is_ours, entrant.is_peer)
            own = stack.enter_context(ExitStack())
            try:
                contestant = own.enter_context(entrant.start(entrant.name, root / f"c{number}", upstream))
                first_answer(contestant)
            except (DidNotStart, OSError, SubprocessError) as error:
                own.close()
                reason = str(error) or type(error).__name__
                absent.append(dataclasses.replace(profile, reason=reason.replace(f"{root}/", "")))
                continue
            took = time.perf_counter() - began
            profile = dataclasses.replace(profile, start_seconds=took, installed=dict(contestant.installed))
            runner = Runner(entrant, contestant, profile, own.close)
            own.callback(runner.go_on)  # before it is ended: what is stopped does not end
            runner.pause()
            runners.append(runner)
        yield runners, absent


def rest(runners: Sequence[Runner]) -> None:
    """What each takes when nobody asks it anything. All of them run meanwhile, and are paused again."""
    for each in runners:
        each.go_on()
    time.sleep(SETTLE_SECONDS)
    before = [sum(measure.cpu(each.contestant).values()) for each in runners]
    time.sleep(REST_SECONDS)
    for each, used in zip(runners, before, strict=True):
        idle_ms = (sum(measure.cpu(each.contestant).values()) - used) / REST_SECONDS * 1000
        mib = measure.memory(each.contestant)
        each.profile = dataclasses.replace(each.profile, idle_cpu_ms=idle_ms, idle_mib=mib, loaded_mib=mib)
        each.pause()


def first_answer(contestant: Contestant) -> None:
    """Ask until it answers. Raises DidNotStart when it does not."""
    deadline = time.monotonic() + ANSWER_SECONDS_MAX
    while time.monotonic() < deadline:
        with contextlib.suppress(*LONELY):
            if measure.ask(contestant, dataclasses.replace(CHAT, connections=1), seconds=0.01, rate=100).requests:
                return
        time.sleep(0.05)
    raise DidNotStart(f"no answer within {ANSWER_SECONDS_MAX:.0f} s")
