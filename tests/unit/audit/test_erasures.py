import hashlib

import pytest

from gateway_ext.audit.encoding import encode_event
from gateway_ext.audit.erased import Leaf, leaf_of
from gateway_ext.audit.erasures import Erasure, announced, digest_of, reason_for, runs_of, unannounced, within
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord

RUNS = [(1, 3), (5, 5), (8, 12)]


def announcement(reason: str, log: str = "processor-0", name: EventName = EventName.AUDIT_RECORDS_ERASED) -> Leaf:
    record = OrderRecord(name, "log", log, "", "control", "root", reason)
    return leaf_of(encode_event(record, processor="operator", run_id="r", sequence=1, time_unix_nano=7))


def test_leaves_are_told_by_their_runs() -> None:
    assert runs_of([1, 2, 3, 5, 8, 9, 10, 11, 12]) == RUNS
    assert runs_of([]) == []
    assert within(RUNS, 2, 9) == [(2, 3), (5, 5), (8, 9)]


def test_the_digest_is_one_that_anybody_can_make() -> None:
    assert digest_of(RUNS) == hashlib.sha256(b"1-3\n5-5\n8-12\n").hexdigest()


def test_an_announcement_is_read_as_it_was_made() -> None:
    found = announced([announcement(reason_for(0, 9, [(1, 3)]))], "processor-0")
    assert found == [Erasure(0, 9, 3, digest_of([(1, 3)]), 7)]


@pytest.mark.parametrize(
    "leaf",
    [
        announcement(reason_for(0, 9, [(1, 3)]), log="processor-1"),
        announcement(reason_for(0, 9, [(1, 3)]), name=EventName.STOP_SET),
        announcement("all of it"),
        Leaf(bytes(32), None),
        leaf_of(b"audit:records:erased"),
    ],
)
def test_what_is_no_announcement_of_the_log_counts_for_nothing(leaf: Leaf) -> None:
    assert announced([leaf], "processor-0") == []


def announce(first: int, last: int, *runs: tuple[int, int]) -> Erasure:
    return Erasure(first, last, 0, digest_of(runs))


@pytest.mark.parametrize(
    ("erasures", "unexplained"),
    [
        ([], RUNS),
        ([announce(0, 5, (1, 3), (5, 5)), announce(6, 20, (8, 12))], []),
        ([announce(0, 5, (1, 3), (5, 5))], [(8, 12)]),
        ([announce(0, 5, (1, 2), (5, 5)), announce(6, 20, (8, 12))], [(1, 3), (5, 5)]),  # one more than announced
        ([announce(0, 5, (1, 3)), announce(0, 5, (1, 3), (5, 5)), announce(6, 20, (8, 12))], []),  # twice
        ([announce(0, 9, (1, 3), (5, 5), (8, 9)), announce(10, 20, (10, 12))], []),  # a run over two segments
        ([announce(0, 9, (1, 3), (5, 5), (8, 9))], [(10, 12)]),
    ],
)
def test_what_is_erased_has_to_be_just_what_was_announced(
    erasures: list[Erasure], unexplained: list[tuple[int, int]]
) -> None:
    assert unannounced(RUNS, erasures) == unexplained
