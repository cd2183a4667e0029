from __future__ import annotations

from dataclasses import replace

import pytest

from gateway_ext.exchange import Outcome, Usage
from gateway_ext.routing.measured import (
    AVOIDED_SECONDS,
    AVOIDED_SECONDS_MAX,
    CLUSTERS_MAX,
    DECAY_SECONDS,
    FAILURES_MAX,
    SAMPLES_MIN,
    Health,
    Measured,
)

SECOND_NS = 1_000_000_000
ANSWERED = Outcome(
    exchange_id="e",
    hold_id="e",
    http_status=200,
    cluster="a/m",
    usage=Usage(10, 100),
    request_bytes=0,
    response_bytes=0,
    attempts=1,
    duration_ns=3 * SECOND_NS,
    time_to_first_byte_ns=SECOND_NS,
    saw_end_of_stream=True,
    settled_by="access_log",
    served_ns=2 * SECOND_NS,
)
FAILED = replace(ANSWERED, http_status=503, usage=None)


class World:
    def __init__(self) -> None:
        self.now_ns = 5
        self.measured = Measured(lambda: self.now_ns)

    def observe(self, outcome: Outcome, times: int = 1) -> None:
        for _ in range(times):
            self.measured.observe(outcome)

    def health(self, cluster: str = "a/m") -> Health:
        return self.measured.of(cluster).health

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_is_known_of_what_was_seen_too_rarely(world: World) -> None:
    world.observe(ANSWERED, int(SAMPLES_MIN) - 1)
    reading = world.measured.of("a/m")
    assert (reading.first_byte_ns, reading.duration_ns, reading.output_tokens) == (None, None, None)
    assert world.measured.of("never/seen").health is Health.WELL


def test_averages_of_answers(world: World) -> None:
    for seconds in (1, 2, 3):
        first_byte_ns = seconds * SECOND_NS
        world.observe(replace(ANSWERED, time_to_first_byte_ns=first_byte_ns, usage=Usage(1, 100 * seconds)))
    reading = world.measured.of("a/m")
    assert reading.first_byte_ns == pytest.approx(2 * SECOND_NS)
    assert reading.duration_ns == pytest.approx(2 * SECOND_NS), "that of the attempt that answered"
    assert reading.output_tokens == pytest.approx(200)


def test_new_samples_weigh_more_than_old_ones_and_old_ones_are_forgotten(world: World) -> None:
    world.observe(ANSWERED, 100)
    world.wait(2 * DECAY_SECONDS)
    world.observe(replace(ANSWERED, time_to_first_byte_ns=4 * SECOND_NS), 100)
    first_byte_ns = world.measured.of("a/m").first_byte_ns
    assert first_byte_ns is not None
    assert first_byte_ns > 3.5 * SECOND_NS
    world.wait(20 * DECAY_SECONDS)
    assert world.measured.of("a/m").first_byte_ns is None


@pytest.mark.parametrize(
    "outcome",
    [
        FAILED,
        replace(ANSWERED, attempts=2),
        replace(ANSWERED, http_status=404),
        replace(ANSWERED, time_to_first_byte_ns=0),
    ],
    ids=["error", "retried", "refused", "no byte"],
)
def test_what_says_nothing_about_speed_is_not_measured(world: World, outcome: Outcome) -> None:
    world.observe(outcome, 10)
    assert world.measured.of("a/m").first_byte_ns is None


def test_an_answer_that_was_cut_or_estimated_says_nothing_about_its_length(world: World) -> None:
    world.observe(replace(ANSWERED, saw_end_of_stream=False, flags=("client_aborted",)), 5)
    world.observe(replace(ANSWERED, usage=Usage(1, 1, is_estimated=True)), 2)
    world.observe(replace(ANSWERED, usage=None), 2)
    reading = world.measured.of("a/m")
    assert reading.first_byte_ns == pytest.approx(SECOND_NS)
    assert reading.output_tokens is None


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 401])
def test_failures_one_after_another(world: World, status: int) -> None:
    world.observe(replace(FAILED, http_status=status), FAILURES_MAX - 1)
    assert world.health() is Health.WELL
    world.observe(replace(FAILED, http_status=status))
    assert world.health() is Health.FAILING


@pytest.mark.parametrize("flag", ["timeout", "upstream_reset", "upstream_protocol_error"])
def test_an_answer_that_breaks_off_is_a_failure(world: World, flag: str) -> None:
    world.observe(replace(ANSWERED, flags=(flag,), saw_end_of_stream=False), FAILURES_MAX)
    assert world.health() is Health.FAILING


def test_an_answer_in_between_begins_the_count_anew(world: World) -> None:
    for _ in range(5):
        world.observe(FAILED, FAILURES_MAX - 1)
        world.observe(ANSWERED)
    assert world.health() is Health.WELL


@pytest.mark.parametrize(
    "outcome",
    [
        replace(FAILED, http_status=502, flags=("answer_uninspected",)),
        replace(FAILED, http_status=400),
        replace(FAILED, http_status=0, flags=("client_aborted",)),
        replace(FAILED, cluster=""),
    ],
    ids=["withheld by us", "the caller's fault", "the caller left", "never sent"],
)
def test_what_is_no_fault_of_the_deployment(world: World, outcome: Outcome) -> None:
    world.observe(outcome, 10)
    assert world.health() is Health.WELL


def test_what_we_withheld_and_who_left_do_not_end_a_row_of_failures(world: World) -> None:
    world.observe(FAILED, FAILURES_MAX - 1)
    world.observe(replace(FAILED, http_status=0, flags=("client_aborted",)))
    world.observe(replace(FAILED, http_status=502, flags=("answer_blocked",)))
    world.observe(FAILED)
    assert world.health() is Health.FAILING


def test_after_a_while_it_is_on_probation_and_each_failed_try_doubles_the_while(world: World) -> None:
    world.observe(FAILED, FAILURES_MAX)
    seconds = AVOIDED_SECONDS
    for _ in range(8):
        world.wait(seconds - 1)
        assert world.health() is Health.FAILING
        world.wait(1)
        assert world.health() is Health.ON_PROBATION
        world.observe(FAILED)
        seconds = min(2 * seconds, AVOIDED_SECONDS_MAX)
    world.observe(ANSWERED)
    assert world.health() is Health.WELL


def test_requests_that_were_under_way_do_not_make_it_longer(world: World) -> None:
    world.observe(FAILED, 50)
    world.wait(AVOIDED_SECONDS)
    assert world.health() is Health.ON_PROBATION


def test_attempts_before_the_one_that_answered_have_failed(world: World) -> None:
    tried = ("a/m", "b/m", "c/m", "d/m")
    world.observe(replace(ANSWERED, cluster="c/m", attempts=3, tried=tried), FAILURES_MAX)
    assert [world.health(cluster) for cluster in tried] == [Health.FAILING, Health.FAILING, Health.WELL, Health.WELL]


@pytest.mark.parametrize(
    ("attempts", "tried"), [(1, ("a/m", "b/m")), (2, ()), (2, ("a/m", "x/m", "b/m"))], ids=["first", "unknown", "fewer"]
)
def test_nobody_is_blamed_for_attempts_that_are_not_known(world: World, attempts: int, tried: tuple[str, ...]) -> None:
    world.observe(replace(ANSWERED, cluster="b/m", attempts=attempts, tried=tried), FAILURES_MAX)
    assert world.health("a/m") is Health.WELL


def test_memory_is_bounded(world: World) -> None:
    world.observe(ANSWERED, 10)
    for number in range(CLUSTERS_MAX + 50):
        world.observe(replace(FAILED, cluster=f"c{number}/m"), FAILURES_MAX)
    assert world.measured.of("a/m").first_byte_ns is None, "seen longest ago"
    assert world.health("c49/m") is Health.WELL
    assert world.health("c50/m") is Health.FAILING
