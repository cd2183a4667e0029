"""Operators' orders while a thousand streams run: nothing is accepted any more, what runs is cut, nobody else notices.

The same measurement as `python -m benchmarks.identity.revocation`. Its times are judged by what a request takes on this machine
before there is any stream: where that is slow, the clock of this process is, too.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from benchmarks.identity.revocation import ASKED, EVERYTHING, Outcome, gateway, measure
from benchmarks.load.callers import Caller, ask
from tests.envoy.stack import Stack

pytestmark = [pytest.mark.envoy, pytest.mark.timeout(300)]

STREAMS = 1000
SECONDS_MAX = 1.0  # until nothing is accepted any more
CUT_SECONDS_MAX = 2.0  # until the last of them has ended at its reader, who reads all the others, too
ROUND_TRIPS = 20
SETTLED_SECONDS = 20.0
REFUSED_MIN = 20


@dataclass(frozen=True, slots=True)
class Measured:
    outcomes: dict[str, Outcome]
    round_trip_seconds: float  # the longest of an idle gateway
    held: int  # reservations, some time after the last stream was cut


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    with gateway(tmp_path_factory.mktemp("revoked"), processors=2) as stack:
        round_trip_seconds = asyncio.run(longest_round_trip(stack))
        outcomes = {each.order: each for each in asyncio.run(measure(stack, STREAMS))}
        yield Measured(outcomes, round_trip_seconds, held_at_the_end(stack))


async def longest_round_trip(stack: Stack) -> float:
    request = Caller(stack.token(), stack.ports.gateway).request(ASKED, "Hello")
    answers = [await ask(stack.ports.gateway, request) for _ in range(ROUND_TRIPS)]
    assert not any(answer.code for answer in answers)
    return max(answer.ended_seconds - answer.began_seconds for answer in answers)


def held_at_the_end(stack: Stack) -> int:
    deadline = time.monotonic() + SETTLED_SECONDS
    with closing(sqlite3.connect(f"file:{stack.layout.ledger}?mode=ro", uri=True)) as ledger:
        while True:
            (held,) = ledger.execute("SELECT count(*) FROM hold WHERE state = 'held'").fetchone()
            if not held or time.monotonic() > deadline:
                return int(held)
            time.sleep(0.1)


@pytest.mark.parametrize("order", ["revoke", "keys revoke", "people disable", EVERYTHING])
def test_an_order_counts_while_a_thousand_streams_run(measured: Measured, order: str) -> None:
    seen = measured.outcomes[order]
    slowness_seconds = 5 * measured.round_trip_seconds
    assert seen.accepted_seconds < max(SECONDS_MAX, slowness_seconds)
    assert seen.refused > REFUSED_MIN, "too few asked to tell"
    assert seen.cut_seconds < max(CUT_SECONDS_MAX, slowness_seconds)
    assert (seen.cut, seen.not_cut) == (STREAMS if order == EVERYTHING else STREAMS // 2, 0)


@pytest.mark.parametrize("order", ["revoke", "keys revoke", "people disable"])
def test_streams_and_requests_of_others_go_on(measured: Measured, order: str) -> None:
    seen = measured.outcomes[order]
    assert (seen.unharmed, seen.harmed, seen.others_refused) == (STREAMS // 2, 0, 0)


def test_whatever_was_cut_is_settled(measured: Measured) -> None:
    assert measured.held == 0
