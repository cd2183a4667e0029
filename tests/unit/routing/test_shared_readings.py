"""Processors that tell each other what they have measured."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway_ext.exchange import Outcome
from gateway_ext.limits import NANO
from gateway_ext.routing.measured import DECAY_SECONDS, FAILURES_MAX, Health
from gateway_ext.routing.shared_readings import SECONDS_BETWEEN, SharedReadings

CLUSTER = "a/m"


class Machine:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.now_ns = 1_000 * NANO
        self.first, self.second = self.processor(0), self.processor(1)

    def processor(self, index: int) -> SharedReadings:
        return SharedReadings(self.directory, index, lambda: self.now_ns, lambda: self.now_ns)

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * NANO)

    def observe(self, http_status: int, times: int = 1) -> None:
        """What Envoy tells the first processor of all requests."""
        for _ in range(times):
            outcome = Outcome("e", "h", http_status, CLUSTER, None, 1, 1, 1, 5, 3, True, "access_log")
            self.first.observe(outcome)
        for file in self.directory.iterdir():
            os.utime(file, ns=(self.now_ns, self.now_ns))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_others_learn_at_once_that_a_deployment_fails_and_that_it_does_not_any_more(machine: Machine) -> None:
    machine.observe(503, FAILURES_MAX)
    assert machine.second.of(CLUSTER).health is Health.FAILING
    assert machine.second.whatever_its_health(CLUSTER).health is Health.WELL
    machine.wait(0.1)
    machine.observe(200)
    machine.wait(SECONDS_BETWEEN)
    assert machine.second.of(CLUSTER).health is Health.WELL


def test_others_learn_how_fast_it_is(machine: Machine) -> None:
    for _ in range(10):
        machine.observe(200)
        machine.wait(SECONDS_BETWEEN)
    assert machine.second.of(CLUSTER).first_byte_ns == 3


def test_what_was_seen_last_counts(machine: Machine) -> None:
    machine.observe(503, FAILURES_MAX)
    machine.wait(1)
    machine.second.observe(Outcome("e", "h", 200, CLUSTER, None, 1, 1, 1, 5, 3, True, "access_log"))
    assert machine.second.of(CLUSTER).health is Health.WELL
    assert machine.first.of(CLUSTER).health is Health.WELL


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a/m": [1]}', '{"a/m": [null, null, null, null, "x"]}', "\xff"])
def test_a_damaged_file_is_as_if_nothing_had_been_seen(machine: Machine, content: str) -> None:
    (machine.directory / "readings-0.json").write_text(content)
    assert machine.second.of(CLUSTER).health is Health.WELL


def test_an_old_file_and_one_of_before_the_last_boot_are_not_believed(machine: Machine) -> None:
    machine.observe(503, FAILURES_MAX)
    machine.now_ns -= 500 * NANO  # the machine's clock begins anew
    assert machine.second.of(CLUSTER).health is Health.WELL
    machine.now_ns += round((DECAY_SECONDS + 500) * NANO) + NANO
    assert machine.processor(2).of(CLUSTER).health is Health.WELL


def test_what_cannot_be_written_changes_nothing_for_oneself(tmp_path: Path) -> None:
    alone = Machine(tmp_path / "missing")
    for _ in range(FAILURES_MAX):
        alone.first.observe(Outcome("e", "h", 503, CLUSTER, None, 1, 1, 1, 5, 3, True, "access_log"))
    assert alone.first.of(CLUSTER).health is Health.FAILING
