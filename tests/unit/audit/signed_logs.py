"""A state directory with signed logs, and a clock that stands where it is put."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gateway_ext.audit.checkpoint_keys import load_or_make_key
from gateway_ext.audit.checkpointer import Checkpointer
from gateway_ext.audit.encoding import encode_event
from gateway_ext.audit.events import EventName
from gateway_ext.audit.proving import ProvableLog
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.segments import frame, segment_path

ORIGIN = "gateway.example/audit"
LANE = "processor-0"
START_UNIX_NANO = 1_800_000_000_000_000_000


@dataclass
class HandClock:
    unix_nano: int = START_UNIX_NANO
    seconds: float = 0.0

    def now_unix_nano(self) -> int:
        return self.unix_nano

    def monotonic_ns(self) -> int:
        return int(self.seconds * 1e9)

    def forward(self, seconds: float) -> None:
        self.seconds += seconds
        self.unix_nano += int(seconds * 1e9)


def record(sequence: int, run_id: str = "run") -> bytes:
    """Bytes of a real record, small."""
    decision = DecisionRecord(EventName.DECISION_REFUSED, f"e{sequence}", "refuse", "", "public", "")
    return encode_event(decision, processor=LANE, run_id=run_id, sequence=sequence, time_unix_nano=sequence)


@dataclass
class SignedState:
    """`spool/processor-0` is written by hand; `sign` has the log of what is there signed by a new checkpointer."""

    root: Path
    clock: HandClock

    @property
    def spool(self) -> Path:
        return self.root / "spool" / LANE

    @property
    def tree(self) -> Path:
        return self.root / "trees" / LANE

    @property
    def archive(self) -> Path:
        return self.root / "archive" / LANE

    def write(self, segment: int, records: list[bytes]) -> None:
        """Append whole records to a segment."""
        self.spool.mkdir(parents=True, exist_ok=True)
        with segment_path(self.spool, segment).open("ab") as file:
            file.write(b"".join(map(frame, records)))

    def checkpointer(self, seconds: float = 10, records: int = 1_000) -> Checkpointer:
        signer = load_or_make_key(self.root / "checkpoint.key")
        roots = self.root / "spool", self.root / "trees", self.root / "archive"
        return Checkpointer(*roots, ORIGIN, signer, self.clock, seconds, records)

    def sign(self) -> ProvableLog:
        self.clock.forward(1)
        checkpointer = self.checkpointer()
        checkpointer.step(at_once=True)
        checkpointer.close()
        return self.log()

    def log(self) -> ProvableLog:
        return ProvableLog(self.spool, self.tree, self.archive)


def signed_state(root: Path, segments: dict[int, list[bytes]]) -> SignedState:
    """A state directory with these segments, signed."""
    state = SignedState(root, HandClock())
    for number, records in segments.items():
        state.write(number, records)
    state.sign()
    return state
