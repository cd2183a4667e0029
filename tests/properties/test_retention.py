"""Whatever is written, held, lifted and crashed: nothing is erased too early, everything due is, and every proof holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_ext.audit.encoding import decode_event
from gateway_ext.audit.erased import leaf_of
from gateway_ext.audit.merkle import verify_inclusion
from gateway_ext.audit.retention.legal_hold import LegalHold
from gateway_ext.errors import ConfigurationError
from tests.unit.audit.retention.trail import DAY_SECONDS, RULES, Trail, decision, outcome

LOGS = ("processor-0", "processor-1")
_DAY_NANO = DAY_SECONDS * 10**9


class Crash(BaseException):
    """The process ends here."""


@contextmanager
def crashing_before(operation: int) -> Iterator[None]:
    """The process ends before the file operation of this number, counted from 0, from here on; negative: it does not."""
    left = operation

    def counted(real: object) -> object:
        def call(*args: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left == -1:
                raise Crash
            return real(*args, **options)  # type: ignore[operator]  # as it is called

        return call

    with mock.patch.object(os, "fsync", counted(os.fsync)), mock.patch.object(os, "link", counted(os.link)):  # noqa: SIM117
        with (
            mock.patch.object(Path, "replace", counted(Path.replace)),
            mock.patch.object(Path, "unlink", counted(Path.unlink)),
        ):
            yield


@dataclass
class Model:
    """What was written: of each exchange its classes, who it is of, and its records by log."""

    trail: Trail
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    records: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)
    written: dict[str, list[bytes]] = field(default_factory=lambda: {log: [] for log in LOGS})
    gone: set[bytes] = field(default_factory=set)  # when they were due, as before a hold was set

    def write(self, exchange: str, log: str, record: bytes) -> None:
        self.records.setdefault(exchange, []).append((log, record))
        self.written[log].append(record)

    def is_kept(self, exchange: str) -> bool:
        """Whether it must not be erased now: held, or its time is not over."""
        subject = f"s{exchange}"
        times = [decode_event(record).time_unix_nano for _, record in self.records[exchange]]
        days = max((RULES.by_data_class[name] for name in self.classes[exchange]), default=RULES.days)
        is_held = any(hold.exchange_id == exchange or hold.subject == subject for hold in self.trail.holds)
        return is_held or self.trail.clock.unix_nano < max(times) + days * _DAY_NANO

    def is_delivered(self, exchange: str) -> bool:
        spooled = {record for log in LOGS for record in self._spooled(log)}
        return all(record not in spooled for _, record in self.records[exchange])

    def _spooled(self, log: str) -> list[bytes]:
        spool = self.trail.spool(log)
        data = b"".join(path.read_bytes() for path in spool.glob("*.segment"))
        return [record for record in self.written[log] if record in data]

    def check(self, *, is_complete: bool) -> None:
        left = {log: set(self.trail.left(log)) for log in LOGS}
        for exchange, records in self.records.items():
            is_there = [record in left[log] for log, record in records]
            if self.is_kept(exchange):
                assert all(there or record in self.gone for there, (_, record) in zip(is_there, records, strict=True))
            elif is_complete and self.is_delivered(exchange):
                assert not any(is_there)
        for log in LOGS:
            assert [leaf.hash for leaf in self.trail.leaves(log)] == [leaf_of(each).hash for each in self.written[log]]
            verdict, unexplained = self.trail.verdict(log)
            assert (verdict.fault, unexplained) == ("", [])

    def note(self) -> None:
        for log in LOGS:
            self.gone |= set(self.written[log]) - set(self.trail.left(log))


Step = tuple[str, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["decide", "decide", "end", "deliver", "begin", "days", "run", "run", "crash", "hold", "lift", "back"]
        ),
        st.integers(0, 7),
        st.integers(0, 24),
    ),
    min_size=5,
    max_size=30,
)


@given(steps)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_nothing_too_early_everything_due_and_all_of_it_provable(script: list[Step]) -> None:
    with TemporaryDirectory() as directory:
        model = Model(Trail(Path(directory)))
        for log in LOGS:
            model.trail.spool(log).mkdir(parents=True)
            model.classes[log] = ("long",)
            model.write(log, log, model.trail.write(decision(log, "long", subject=f"s{log}"), log))
        model.trail.deliver()
        for step in [*script, ("deliver", 0, 1), ("days", 60, 0), ("lift", 0, 0), ("run", 0, 0)]:
            _take(model, step)
        assert all(model.trail.left(log) == [] for log in LOGS)


def _take(model: Model, step: Step) -> None:
    what, number, more = step
    if what == "back":
        _take(model, ("decide", number, more))
    trail, exchange = model.trail, f"e{number}-{len(model.written[LOGS[0]])}"
    trail.clock.forward(60)
    match what:
        case "decide":
            model.classes[exchange] = ((), ("short",), ("long",), ("short", "long"))[more % 4]
            written = trail.write(
                decision(exchange, *model.classes[exchange], subject=f"s{exchange}"), LOGS[number % 2]
            )
            model.write(exchange, LOGS[number % 2], written)
        case "end":
            now = trail.clock.unix_nano
            young = [
                name
                for name, records in model.records.items()
                if now - decode_event(records[0][1]).time_unix_nano < _DAY_NANO
            ]
            if young:
                name = young[number % len(young)]
                model.write(name, LOGS[more % 2], trail.write(outcome(name), LOGS[more % 2]))
        case "deliver":
            trail.deliver()
            _prove_some(model)
        case "begin":
            trail.begin_segments()
            with _until(more):
                trail.archive_complete()
        case "days":
            trail.clock.forward(number * DAY_SECONDS)
        case "hold":
            names = sorted(model.records)
            name = names[number % len(names)]
            hold = LegalHold("h", exchange_id=name) if more % 2 else LegalHold("h", subject=f"s{name}")
            trail.holds.append(hold)
        case "lift":
            trail.holds.clear()
        case "back":
            _run_with_clock_set_back(model)
        case _:
            with _until(more if what == "crash" else -1) as completed:
                trail.erase_due()
                completed.append(True)
            model.check(is_complete=bool(completed))
            model.note()


@contextmanager
def _until(operation: int) -> Iterator[list[bool]]:
    """Collects whether what is done came to its end."""
    completed: list[bool] = []
    try:
        with crashing_before(operation):
            yield completed
    except Crash:
        completed.clear()


def _run_with_clock_set_back(model: Model) -> None:
    """Before the newest checkpoint nothing is erased."""
    trail = model.trail
    trail.sign()
    before = {log: trail.left(log) for log in LOGS}
    trail.clock.unix_nano -= 10**9
    try:
        trail.erase_due()
        raise AssertionError("erased while the clock stood before the newest checkpoint")
    except ConfigurationError:
        assert before == {log: trail.left(log) for log in LOGS}
    finally:
        trail.clock.unix_nano += 10**9


def _prove_some(model: Model) -> None:
    """A record that is left is proved by its log as it is now."""
    for log in LOGS:
        proving = model.trail.proving(log)
        for record in model.trail.left(log)[-1:]:
            index = model.written[log].index(record)
            found = proving.record_at(index)
            proof = proving.inclusion(found)
            root, size = proving.checkpoint.root, proving.checkpoint.size
            assert verify_inclusion(leaf_of(found.record).hash, index, size, proof.hashes, root)
