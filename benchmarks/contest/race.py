"""A run: in each round of a case its contestants take turns on the same upstream, and all others stand still meanwhile.

What disturbs the machine for a while thus hits all of them. What each takes at rest is measured first, and told; who takes part in
no further case is ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contest import measure, runner
from benchmarks.contest.cases import CHAT, Case
from benchmarks.contest.field import Entrant
from benchmarks.contest.measure import STREAMS_OPEN_SECONDS, Sample
from benchmarks.contest.progress import Progress
from benchmarks.contest.results import DIRECT, DIRECT_LOAD, SATURATION, STREAMS, Profile, Row, row_of
from benchmarks.contest.runner import Runner
from benchmarks.contestants.contestant import DidNotStart

WARM_UP_SECONDS = 0.5
HALF = 0.5
FINISH_SECONDS = runner.REST_SECONDS + 3.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. `shares`: of a contestant's own capacity. `rate`: the same for all. Both of CHAT; in other cases HALF alone."""

    seconds: float = 2.5
    rounds: int = 2  # of CHAT; of other cases half as many
    shares: Sequence[float] = (0.25, HALF, 0.75)
    rate: float = 200.0

    def rounds_of(self, case: Case) -> int:
        return self.rounds if case is CHAT else max(1, self.rounds // 2)

    def shares_of(self, case: Case) -> Sequence[float]:
        return self.shares if case is CHAT else (HALF,)

    def turn_seconds(self, case: Case) -> float:
        """An estimate: contestants differ in how fast they let streams end."""
        if case.streams:
            return runner.SETTLE_SECONDS + STREAMS_OPEN_SECONDS + 6 + 0.04 * case.streams
        return (
            runner.SETTLE_SECONDS
            + 1
            + WARM_UP_SECONDS
            + self.seconds * (1 + len(self.shares_of(case)) + (case is CHAT))
        )

    def estimated_seconds(self, entrants: Sequence[Entrant], cases: Sequence[Case]) -> float:
        turns = sum(
            self.turn_seconds(case) * self.rounds_of(case) for case in cases for each in entrants if each.takes(case)
        )
        return turns + (runner.START_SECONDS + FINISH_SECONDS) * len(entrants)


def run(
    entrants: Sequence[Entrant], cases: Sequence[Case], plan: Plan, root: Path, progress: Progress
) -> Iterator[tuple[list[Profile], list[Row]]]:
    """What is known after each case. Bounded: every load has its end in time, whoever answers or not."""
    rows: list[Row] = []
    with runner.started(entrants, root, progress) as (runners, absent):
        runner.rest(runners)
        waiting = list(runners)
        for number, case in enumerate(cases):
            competing = [each for each in waiting if each.entrant.takes(case)]
            spent = {each.contestant.name: why for each in competing if case.streams and (why := left_out(each, rows))}
            rows += [Row(name, case.name, STREAMS, reason=why) for name, why in spent.items()]
            rows += _case(case, [each for each in competing if each.contestant.name not in spent], plan, progress)
            for each in [each for each in waiting if not any(map(each.entrant.takes, cases[number + 1 :]))]:
                each.finish()
                waiting.remove(each)
            yield [each.profile for each in runners] + absent, list(rows)


def left_out(peer: Runner, rows: Sequence[Row]) -> str:
    """Why a peer is not asked for more streams: it did not carry those that it was asked for; else nothing. Ours always is."""
    for row in rows:
        if peer.entrant.is_peer and (row.contestant, row.load) == (peer.contestant.name, STREAMS):
            if row.reason:
                return row.reason
            if row.failures:
                return f"not asked: {row.failures} of {row.requests + row.failures} in case {row.case} failed"
    return ""


def _case(case: Case, runners: Sequence[Runner], plan: Plan, progress: Progress) -> Iterator[Row]:
    samples: dict[tuple[str, str], list[Sample]] = {}
    offered: dict[tuple[str, str], float] = {}
    gone: dict[str, str] = {}
    for number in range(plan.rounds_of(case)):
        for each in runners if number % 2 == 0 else reversed(runners):
            name = each.contestant.name
            progress.step(case.title, name, plan.turn_seconds(case))
            if name in gone:
                continue
            try:
                with each.turn():
                    for load, rate, sample in _turn(each, case, plan, samples.get((name, SATURATION), [])):
                        samples.setdefault((name, load), []).append(sample)
                        offered[name, load] = rate
                        each.note_memory(sample.peak_mib)
                    each.note_memory(measure.memory(each.contestant))
            except DidNotStart as error:
                gone[name] = f"after its pause: {error}"
            except runner.LONELY as error:
                first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
                gone[name] = f"it was gone ({type(first).__name__})"
    for each in runners:
        for name, load in [key for key in samples if key[0] == each.contestant.name]:
            yield row_of(name, case.name, load, samples[name, load], each.contestant.on_path, offered[name, load])
    for name, reason in gone.items():
        yield Row(name, case.name, SATURATION, reason=reason)


def _turn(
    asked: Runner, case: Case, plan: Plan, saturated_before: Sequence[Sample]
) -> Iterator[tuple[str, float, Sample]]:
    """Load, requests offered a second (0: as many as it answers), and what was found."""
    contestant = asked.contestant
    if case.streams:
        yield STREAMS, 0.0, measure.stream(contestant, case)
        return
    if asked.entrant.name == DIRECT:
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
    rates = {f"{share:.0%}": share * capacity for share in plan.shares_of(case)}
    if case is CHAT and plan.rate <= max(plan.shares) * capacity:
        rates[f"{plan.rate:.0f}/s"] = plan.rate
    for load, rate in rates.items():
        yield load, rate, measure.ask(contestant, case, seconds=plan.seconds, rate=rate)
