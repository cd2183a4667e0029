"""How a processor, and the store of credentials, grow with the number of people: time, memory, start.

A processor in a process of its own starts on stores with so many people (people.py) and is asked by some of them, drawn at
random. The store of credentials, which no request waits for, is asked what commands and the console ask it.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import uvloop

from benchmarks.growth import cpu, people, processor, rules
from benchmarks.growth.growth import Growth
from benchmarks.machine.processes import PROJECT
from benchmarks.machine.usage import held
from gateway_ext.administration.actor import Actor
from gateway_ext.administration.credentials import life_cycle
from gateway_ext.clock import SystemClock
from gateway_ext.credentials.credential import Owner
from gateway_ext.credentials.minting import Asked
from gateway_ext.credentials.rules import Bounds
from gateway_ext.credentials.sqlite_store import SqliteCredentials, Which
from gateway_ext.exchange import CredentialClass
from gateway_ext.limits import NANO
from gateway_ext.settings import Settings

DIMENSION = "users"
COUNTS = (1_000, 10_000, 100_000, 1_000_000)
REQUESTS = 500
AGREEMENT = {"version": "1", "title": "Terms", "url": "https://terms.example.eu", "accepted_by": "person"}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one processor. CPU times; memory is its proportional share, after the requests."""

    start_ms: float
    request_ms: float
    memory_mib: float


def policy(policies: Path) -> None:
    """All that is kept about people is asked for."""
    rules.write({"agreements": {"agreements": {"terms-of-use": AGREEMENT}}}, policies)
    rules.write({"audit": {"principals": "pseudonymous"}}, policies)


async def measure(root: Path, counts: tuple[int, ...] = COUNTS, turns: int = 3) -> list[Growth]:
    states = {count: _populated(root, count) for count in counts}
    starts = {count: [_processor(states[count], count) for _ in range(turns)] for count in counts}

    def growth(what: str, unit: str, figure: Callable[[Figures], float]) -> Growth:
        values = tuple(statistics.median(map(figure, starts[count])) for count in counts)
        return Growth(DIMENSION, what, "people", unit, counts, values)

    return [
        growth("request", "ms", lambda each: each.request_ms),
        growth("start of a processor", "ms", lambda each: each.start_ms),
        growth("memory of a processor", "MiB", lambda each: each.memory_mib),
        *[await _credentials(states, what, ask, turns) for what, ask in _ASKED.items()],
    ]


def _populated(root: Path, count: int) -> Settings:
    settings = processor.new_state(root, f"users-{count}", policy)
    people.populate(settings, count)
    return settings


def _processor(settings: Settings, count: int) -> Figures:
    command = [sys.executable, "-m", "benchmarks.growth.users", str(settings.state_dir.parent), str(count)]
    done = subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
    return Figures(**json.loads(done.stdout))


async def _figures(settings: Settings, count: int) -> Figures:
    """Of a processor in this process."""
    chance = random.Random(count)
    began = time.process_time()
    async with processor.running(settings) as pipeline:
        started = time.process_time()
        for _ in range(REQUESTS):
            number = chance.randrange(count)
            await processor.request(pipeline, rules.BODY, sub=people.name(number), team=people.team(number))
        asked = time.process_time()
        return Figures((started - began) * 1e3, (asked - started) / REQUESTS * 1e3, held([os.getpid()]).pss_kib / 1024)


async def _credentials(
    states: Mapping[int, Settings], what: str, ask: Callable[[Settings, int], object], turns: int
) -> Growth:
    async def asked(count: int) -> None:
        ask(states[count], count)

    async def cost(count: int) -> float:
        return await cpu.milliseconds(partial(asked, count))

    counts = tuple(states)
    return Growth(
        DIMENSION, f"credentials: {what}", "people", "ms", counts, await cpu.taking_turns(counts, cost, turns)
    )


def _mint(settings: Settings, count: int) -> None:
    asked = Asked(CredentialClass.PERSONAL, "laptop", Owner(people.name(count // 2), people.team(count // 2)))
    life_cycle(settings, Actor(), "").mint(asked, Bounds(30, 30, 1_000_000))


def _page(settings: Settings, count: int) -> None:
    now_unix = SystemClock().now_unix_nano() // NANO
    SqliteCredentials(settings.layout.credentials).page(Which(), (now_unix - count // 2, ""), 50, now_unix)


def _own(settings: Settings, count: int) -> None:
    SqliteCredentials(settings.layout.credentials).of(CredentialClass.PERSONAL, people.name(count // 2))


def _sweep(settings: Settings, _: int) -> None:
    life_cycle(settings, Actor(), "").revoke_due()


_ASKED = {"mint one": _mint, "a page of 50": _page, "those of one person": _own, "revoke what is due": _sweep}


def main() -> None:
    """One processor, for `_processor`."""
    root, count = Path(sys.argv[1]), int(sys.argv[2])
    settings = Settings(state_dir=root / "state", policies_dir=root / "policies")
    print(json.dumps(asdict(uvloop.run(_figures(settings, count)))))


if __name__ == "__main__":
    main()
