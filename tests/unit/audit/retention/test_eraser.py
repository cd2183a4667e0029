from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gateway_ext.audit.erasures import SCOPE, reason_for
from gateway_ext.audit.events import EventName
from gateway_ext.audit.merkle import leaf_hash, verify_inclusion
from gateway_ext.audit.records import OrderRecord
from gateway_ext.audit.retention.archived import begins_unix_nano
from gateway_ext.audit.retention.eraser import Eraser
from gateway_ext.audit.retention.legal_hold import LegalHold
from gateway_ext.audit.rules import RetentionRules
from gateway_ext.audit.segments import segment_path
from gateway_ext.errors import ConfigurationError
from tests.unit.audit.retention.trail import DAY_SECONDS, EXCHANGE_SECONDS_MAX, RULES, Trail, decision, order, outcome


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path)


def later(trail: Trail, days: float) -> None:
    trail.clock.forward(days * DAY_SECONDS)


def assert_sound(trail: Trail, log: str = "processor-0", erased: int = 0) -> None:
    verdict, unexplained = trail.verdict(log)
    assert (verdict.fault, verdict.erased, unexplained) == ("", erased, [])


def test_a_record_is_erased_when_its_days_are_over_and_not_before(trail: Trail) -> None:
    trail.write(decision("a"))
    trail.deliver()
    later(trail, 19.9)
    assert trail.erase_due() == 0
    later(trail, 0.2)
    assert trail.erase_due() == 1
    assert trail.left() == []
    assert_sound(trail, erased=1)


def test_the_longest_of_the_classes_counts_for_the_whole_exchange(trail: Trail) -> None:
    short = [trail.write(decision("a", "short")), trail.write(outcome("a"))]
    long = [trail.write(decision("b", "short", "long")), trail.write(outcome("b"))]
    trail.deliver()
    later(trail, 15)
    assert trail.erase_due() == len(short)
    assert trail.left() == long
    later(trail, 30)
    assert trail.erase_due() == len(long)
    assert_sound(trail, erased=4)


def test_an_exchange_is_kept_from_its_last_record_on(trail: Trail) -> None:
    trail.write(decision("a", "short"))
    later(trail, 1)
    trail.write(outcome("a"))
    trail.deliver()
    later(trail, 9.5)
    assert trail.erase_due() == 0
    later(trail, 1)
    assert trail.erase_due() == 2


def test_who_reads_a_segment_meanwhile_reads_the_old_one(trail: Trail) -> None:
    trail.write(decision("a"))
    trail.deliver()
    later(trail, 30)
    path = segment_path(trail.archive("processor-0"), 1)
    before = path.read_bytes()
    with path.open("rb") as reader:
        assert trail.erase_due() == 1
        assert reader.read() == before != path.read_bytes()


def test_an_outcome_in_another_log_is_kept_as_long_as_its_decision(trail: Trail) -> None:
    trail.write(decision("a", "short"))
    trail.write(decision("b", "long"), "processor-1")
    later(trail, 0.5)
    kept = trail.write(outcome("b"))
    trail.write(outcome("a"), "processor-1")
    trail.deliver()
    later(trail, 11)
    assert trail.erase_due() == 2
    assert trail.left() == [kept]
    assert len(trail.left("processor-1")) == 1
    later(trail, 30)
    assert trail.erase_due() == 2
    assert_sound(trail, "processor-1", erased=2)


def test_a_decision_waits_for_an_outcome_that_has_not_been_delivered(trail: Trail) -> None:
    trail.write(decision("a", "short"))
    trail.deliver()
    trail.write(outcome("a"))
    later(trail, 30)
    assert trail.erase_due() == 0
    trail.deliver()
    assert trail.erase_due() == 2


def test_an_outcome_whose_decision_is_gone_is_kept_the_longest(trail: Trail) -> None:
    trail.write(outcome("a"))
    trail.deliver()
    later(trail, 39)
    assert trail.erase_due() == 0
    later(trail, 2)
    assert trail.erase_due() == 1


def test_groups_have_their_own_days(trail: Trail) -> None:
    rules = RetentionRules(days=20, by_event_group={"administration": 30})  # type: ignore[dict-item]  # an enum of text
    trail.write(decision("a"))
    kept = trail.write(order())
    trail.deliver()
    later(trail, 21)
    assert trail.erase_due(rules) == 1
    assert trail.left() == [kept]
    later(trail, 10)
    assert trail.erase_due(rules) == 1


@pytest.mark.parametrize(
    "hold",
    [
        LegalHold("case", subject="ada"),
        LegalHold("case", team="research"),
        LegalHold("case", exchange_id="a"),
        LegalHold("case"),
        LegalHold("case", subject="ada", until_unix_nano=1_800_000_000_000_000_000),
    ],
)
def test_what_is_held_is_not_erased_until_the_hold_is_lifted(trail: Trail, hold: LegalHold) -> None:
    trail.write(decision("a"))
    trail.write(outcome("a"))
    trail.deliver()
    trail.holds.append(hold)
    later(trail, 50)
    eraser = trail.eraser()
    assert eraser.erase_due(RULES, EXCHANGE_SECONDS_MAX) == 0
    later(trail, 1)
    trail.holds.clear()
    assert eraser.erase_due(RULES, EXCHANGE_SECONDS_MAX) == 2


@pytest.mark.parametrize(
    "hold",
    [
        LegalHold("case", subject="bob"),
        LegalHold("case", team="sales"),
        LegalHold("case", exchange_id="b"),
        LegalHold("case", subject="ada", team="sales"),
        LegalHold("case", until_unix_nano=1_799_999_999_999_999_999),
        LegalHold("case", from_unix_nano=1_900_000_000_000_000_000),
    ],
)
def test_a_hold_on_something_else_keeps_nothing(trail: Trail, hold: LegalHold) -> None:
    trail.write(decision("a"))
    trail.deliver()
    trail.holds.append(hold)
    later(trail, 50)
    assert trail.erase_due() == 1


def test_what_is_not_known_to_be_of_somebody_else_is_held(trail: Trail) -> None:
    trail.write(outcome("a"))
    trail.deliver()
    trail.holds.append(LegalHold("case", subject="ada"))
    later(trail, 50)
    assert trail.erase_due() == 0


def test_nothing_is_erased_while_the_clock_stands_before_the_newest_checkpoint(trail: Trail) -> None:
    trail.write(decision("a"))
    trail.deliver()
    later(trail, 30)
    trail.write(decision("b"))
    trail.sign()
    trail.clock.unix_nano -= 2_000_000_000
    with pytest.raises(ConfigurationError, match="stands before the newest checkpoint of 'processor-0'"):
        trail.erase_due()
    trail.clock.unix_nano += 2_000_000_000
    assert trail.erase_due() == 1


def test_nothing_is_erased_when_the_holds_cannot_be_read(trail: Trail) -> None:
    trail.write(decision("a"))
    trail.deliver()
    later(trail, 30)

    def lost() -> tuple[LegalHold, ...]:
        raise ConfigurationError("lost")

    roots = trail.root / "spool", trail.root / "trees", trail.root / "archive"
    with pytest.raises(ConfigurationError, match="lost"):
        Eraser(*roots, trail.clock, lost, trail.announce).erase_due(RULES, EXCHANGE_SECONDS_MAX)
    assert len(trail.left()) == 1


def test_nothing_is_erased_that_cannot_be_announced(trail: Trail) -> None:
    trail.write(decision("a"))
    trail.deliver()
    later(trail, 30)

    def refuse(log: str, reason: str) -> None:
        raise ConfigurationError("the disk is full")

    roots = trail.root / "spool", trail.root / "trees", trail.root / "archive"
    with pytest.raises(ConfigurationError, match="full"):
        Eraser(*roots, trail.clock, tuple, refuse).erase_due(RULES, EXCHANGE_SECONDS_MAX)
    assert len(trail.left()) == 1


def test_announcements_themselves_are_kept_for_ever(trail: Trail) -> None:
    words = reason_for(0, 0, [(0, 0)])
    kept = trail.write(OrderRecord(EventName.AUDIT_RECORDS_ERASED, SCOPE, "processor-1", "", "sre", "root", words))
    trail.write(order())
    trail.deliver()
    later(trail, 10_000)
    assert trail.erase_due() == 1
    assert trail.left() == [kept]


def test_a_segment_of_erased_records_alone_is_not_looked_into_again(trail: Trail) -> None:
    trail.write(decision("a"))
    trail.deliver()
    later(trail, 30)
    trail.erase_due()
    assert begins_unix_nano(segment_path(trail.archive("processor-0"), 1)) is None
    assert trail.eraser().look(RULES, EXCHANGE_SECONDS_MAX) == []


def test_spool_segments_are_left_alone(trail: Trail) -> None:
    trail.write(decision("a"))
    trail.sign()
    later(trail, 100)
    assert trail.erase_due() == 0
    assert len(trail.left()) == 1


def test_every_earlier_proof_still_proves(trail: Trail) -> None:
    records = [trail.write(decision(name, "long" if name == "c" else "short")) for name in "abcde"]
    trail.deliver()
    log = trail.proving()
    proofs = [log.inclusion(log.record_at(index)) for index in range(5)]
    later(trail, 11)
    assert trail.erase_due() == 4
    for index, (record, proof) in enumerate(zip(records, proofs, strict=True)):
        root = log.checkpoint.root
        assert verify_inclusion(leaf_hash(record), index, log.checkpoint.size, proof.hashes, root)
    assert trail.proving().record_at(2).record == records[2]
    with pytest.raises(ConfigurationError, match="was erased; its leaf hash is left"):
        trail.proving().record_at(3)


def test_hashes_are_made_anew_from_what_is_left(trail: Trail) -> None:
    for name in "abcde":
        trail.write(decision(name, "long" if name == "c" else "short"))
    trail.deliver()
    later(trail, 11)
    trail.erase_due()
    before = (trail.root / "trees" / "processor-0" / "hashes").read_bytes()
    for name in ("hashes", "segments"):
        (trail.root / "trees" / "processor-0" / name).unlink()
    trail.write(decision("f"))
    trail.sign()
    assert (trail.root / "trees" / "processor-0" / "hashes").read_bytes()[: len(before)] == before
    assert trail.proving().checkpoint.size == 6


def test_a_segment_that_is_not_what_was_signed_is_not_touched(trail: Trail) -> None:
    trail.write(decision("a"))
    trail.write(decision("b"))
    trail.deliver()
    path = segment_path(trail.archive("processor-0"), 1)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    before = path.read_bytes()
    later(trail, 30)
    with pytest.raises(ConfigurationError, match="does not hold the records that were signed"):
        trail.erase_due()
    assert path.read_bytes() == before
    assert trail.announcements == []


def test_what_a_crash_left_of_a_new_segment_is_removed(trail: Trail) -> None:
    trail.write(decision("a"))
    trail.deliver()
    unfinished = trail.archive("processor-0") / "0000000001.new"
    unfinished.write_bytes(b"records")
    trail.erase_due()
    assert not unfinished.exists()


def test_a_disk_that_is_full_leaves_the_old_segment(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    trail.write(decision("a"))
    trail.deliver()
    later(trail, 30)

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space left"):
            trail.erase_due()
    assert len(trail.left()) == 1
    assert_sound(trail)
    assert trail.erase_due() == 1


def test_an_erasing_that_nobody_announced_is_found(trail: Trail) -> None:
    for name in "ab":
        trail.write(decision(name))
    trail.deliver()
    for name in "cd":
        trail.write(decision(name))
    trail.deliver()
    later(trail, 30)
    trail.erase_due()
    assert trail.verdict()[1] == []
    trail.announcements.pop(0)
    assert trail.verdict()[1] in ([(0, 1)], [(2, 3)])


def test_one_record_erased_on_top_of_announced_ones_is_found(trail: Trail) -> None:
    from gateway_ext.audit.erased import Leaf, segment_of  # noqa: PLC0415  (what the attacker uses)

    for name in "abc":
        trail.write(decision(name, "long" if name == "c" else "short"))
    trail.deliver()
    later(trail, 11)
    trail.erase_due()
    assert_sound(trail, erased=2)
    path = segment_path(trail.archive("processor-0"), 1)
    path.write_bytes(segment_of(Leaf(leaf.hash, None) for leaf in trail.leaves()))
    verdict, unexplained = trail.verdict()
    assert (verdict.fault, unexplained) == ("", [(0, 2)])


def test_what_would_be_erased_is_said_without_doing_it(trail: Trail) -> None:
    trail.write(decision("a", "short"))
    trail.write(decision("b", "long"))
    trail.deliver()
    later(trail, 11)
    (found,) = trail.eraser().look(RULES, EXCHANGE_SECONDS_MAX)
    assert (found.judgement.erase, found.judgement.kept, found.segment.log) == ([0], 1, "processor-0")
    assert len(trail.left()) == 2
    assert trail.announcements == []
