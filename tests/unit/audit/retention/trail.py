"""A trail whose records are written by hand, with an archive, holds and announcements, and an eraser over it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway_ext.audit.archive import archive_segment, log_segments
from gateway_ext.audit.checkpoint_keys import load_or_make_key
from gateway_ext.audit.checkpointer import Checkpointer
from gateway_ext.audit.encoding import encode_event
from gateway_ext.audit.erased import Leaf, leaf_of, leaves
from gateway_ext.audit.erasures import SCOPE, announced, unannounced
from gateway_ext.audit.events import EventName
from gateway_ext.audit.proving import ProvableLog
from gateway_ext.audit.records import AuditRecord, DecisionRecord, OrderRecord, OutcomeRecord
from gateway_ext.audit.retention.eraser import Eraser
from gateway_ext.audit.retention.legal_hold import LegalHold
from gateway_ext.audit.rules import RetentionRules
from gateway_ext.audit.segments import frame, segment_numbers, segment_path
from gateway_ext.audit.verification import Records, Verdict, verify_by_root
from gateway_ext.exchange import CredentialClass, Outcome, Principal
from tests.unit.audit.signed_logs import ORIGIN, HandClock

DAY_SECONDS = 86_400
RULES = RetentionRules(days=20, by_data_class={"short": 10, "long": 40})
EXCHANGE_SECONDS_MAX = 2 * DAY_SECONDS


def decision(exchange_id: str, *data_classes: str, subject: str = "ada", team: str = "research") -> DecisionRecord:
    principal = Principal(subject, "person", "company", CredentialClass.SSO, "", team=team)
    return DecisionRecord(
        EventName.DECISION_FORWARDED, exchange_id, "forward", "d", "public", "", principal=principal,
        data_classes=data_classes,
    )  # fmt: skip


def outcome(exchange_id: str) -> OutcomeRecord:
    ended = Outcome(exchange_id, "hold", 200, "eu/m", None, 0, 0, 1, 0, 0, True, "access_log")
    return OutcomeRecord(EventName.OUTCOME_SETTLED, ended, None, 0, "EUR", None)


def order(value: str = "openai") -> OrderRecord:
    return OrderRecord(EventName.STOP_SET, "provider", value, "", "sre", "root", "because")


@dataclass
class Trail:
    """`write` appends to the newest segment of a log; `deliver` has all logs signed and their segments archived."""

    root: Path
    clock: HandClock = field(default_factory=HandClock)
    holds: list[LegalHold] = field(default_factory=list)
    announcements: list[Leaf] = field(default_factory=list)
    _sequences: dict[str, int] = field(default_factory=dict)

    def spool(self, log: str) -> Path:
        return self.root / "spool" / log

    def archive(self, log: str) -> Path:
        return self.root / "archive" / log

    def write(self, record: AuditRecord, log: str = "processor-0") -> bytes:
        self._sequences[log] = self._sequences.get(log, 0) + 1
        return self.write_encoded(self._encoded(record, log, self._sequences[log]), log)

    def write_encoded(self, encoded: bytes, log: str) -> bytes:
        self.spool(log).mkdir(parents=True, exist_ok=True)
        newest = max(segment_numbers(self.spool(log)), default=1)
        with segment_path(self.spool(log), newest).open("ab") as file:
            file.write(frame(encoded))
        return encoded

    def deliver(self, *logs: str) -> None:
        """Begin a new segment in each, and have what is complete signed and archived."""
        self.begin_segments(*logs)
        self.archive_complete()

    def begin_segments(self, *logs: str) -> None:
        for log in logs or self.logs():
            segment_path(self.spool(log), max(segment_numbers(self.spool(log))) + 1).touch()
        self.sign()

    def archive_complete(self) -> None:
        for log in self.logs():
            *complete, _newest = segment_numbers(self.spool(log))
            for number in complete:
                archive_segment(self.spool(log), self.archive(log), number)

    def sign(self) -> None:
        self.clock.forward(1)
        roots = self.root / "spool", self.root / "trees", self.root / "archive"
        checkpointer = Checkpointer(*roots, ORIGIN, load_or_make_key(self.root / "checkpoint.key"), self.clock)
        checkpointer.step(at_once=True)
        checkpointer.close()

    def eraser(self) -> Eraser:
        roots = self.root / "spool", self.root / "trees", self.root / "archive"
        return Eraser(*roots, self.clock, lambda: tuple(self.holds), self.announce)

    def announce(self, log: str, reason: str) -> None:
        record = OrderRecord(EventName.AUDIT_RECORDS_ERASED, SCOPE, log, "", "control", "root", reason)
        self.announcements.append(leaf_of(self._encoded(record, "operator", len(self.announcements) + 1)))

    def erase_due(self, rules: RetentionRules = RULES) -> int:
        return self.eraser().erase_due(rules, EXCHANGE_SECONDS_MAX)

    def logs(self) -> list[str]:
        return sorted(path.name for path in (self.root / "spool").iterdir())

    def leaves(self, log: str = "processor-0") -> list[Leaf]:
        return [leaf for data in self._contents(log) for leaf in leaves(data)]

    def left(self, log: str = "processor-0") -> list[bytes]:
        return [leaf.record for leaf in self.leaves(log) if leaf.record is not None]

    def proving(self, log: str = "processor-0") -> ProvableLog:
        return ProvableLog(self.spool(log), self.root / "trees" / log, self.archive(log))

    def verdict(self, log: str = "processor-0") -> tuple[Verdict, Sequence[tuple[int, int]]]:
        """Of the whole log by its newest checkpoint, and what is erased without announcement."""
        records = Records(lambda: self._contents(log))
        verdict = verify_by_root(records, self.proving(log).checkpoint)
        return verdict, unannounced(records.erased, announced(self.announcements, log))

    def _contents(self, log: str) -> Iterator[bytes]:
        return (path.read_bytes() for path in log_segments(self.spool(log), self.archive(log)).values())

    def _encoded(self, record: AuditRecord, log: str, sequence: int) -> bytes:
        return encode_event(
            record, processor=log, run_id=log, sequence=sequence, time_unix_nano=self.clock.now_unix_nano()
        )
