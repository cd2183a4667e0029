"""Whatever happens to the control process and its files: all checkpoints of a log are of one and the same history."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway_ext.audit.checkpoint import open_checkpoint
from gateway_ext.audit.checkpoint_file import CheckpointFile
from gateway_ext.audit.lane_tree import signed_before
from gateway_ext.audit.merkle import TreeHead, leaf_hash
from gateway_ext.audit.segments import frame, segment_path, segment_sizes
from tests.unit.audit.signed_logs import HandClock, SignedState, record

FILES = ("hashes", "segments", "checkpoints")


class OneHistory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.state = SignedState(Path(self.directory.name), HandClock())
        self.segment = 1
        self.written: list[bytes] = []
        self.roots = [TreeHead().root()]
        self.head = TreeHead()
        self.checkpointer = self.state.checkpointer(records=3)
        self.older: dict[str, bytes] = {}
        self.harmed: set[str] = set()
        self.state.write(1, [])

    def teardown(self) -> None:
        self.checkpointer.close()
        self.directory.cleanup()

    @rule(count=st.integers(1, 5), torn=st.one_of(st.none(), st.integers(0, 20)))
    def write(self, count: int, torn: int | None) -> None:
        """In a new segment when the writer was killed before, perhaps in the middle of a record."""
        if torn is not None:
            with segment_path(self.state.spool, self.segment).open("ab") as file:
                file.write(frame(record(10_000))[:torn])
            self.segment += 1
        records = [record(len(self.written) + each) for each in range(1, count + 1)]
        self.state.write(self.segment, records)
        self.written += records
        for each in records:
            self.head.append(leaf_hash(each))
            self.roots.append(self.head.root())

    @rule(seconds=st.sampled_from([20, 20, 20, 1, -5]), delivered=st.booleans(), backed_up=st.booleans())
    def sign(self, seconds: int, delivered: bool, backed_up: bool) -> None:
        """And the shipper deletes what it may."""
        self.state.clock.unix_nano += seconds * 1_000_000_000
        self.state.clock.seconds += abs(seconds)
        self.checkpointer.step(at_once=seconds > 1)
        for number in segment_sizes(self.state.spool) if delivered else ():
            if number < signed_before(self.state.tree):
                segment_path(self.state.spool, number).unlink()
        if backed_up:
            self.older = {name: path.read_bytes() for name in FILES if (path := self.state.tree / name).exists()}

    @rule(
        harm=st.sampled_from(["kill", "cut", "lose", "restore"]),
        file=st.sampled_from(FILES),
        tail=st.binary(max_size=100),
    )
    def start_anew(self, harm: str, file: str, tail: bytes) -> None:
        """Killed between any two writes or in the middle of one; a file or its end is lost, or all put back from a backup."""
        self.checkpointer.close()
        self.harmed |= {file} if harm in {"cut", "lose"} else set()
        if len(self.harmed) == len(FILES):  # with all of them the log is forgotten, which only others can notice
            self.harmed.remove(file)
            harm = "kill"
        path = self.state.tree / file
        content = path.read_bytes() if path.exists() else b""
        match harm:
            case "kill" if content:
                path.write_bytes(content + (tail if file == "hashes" else tail.replace(b"\n", b"")))
            case "cut" if content:
                path.write_bytes(content[: -len(tail)])
            case "lose":
                path.unlink(missing_ok=True)
            case "restore":
                for name, older in self.older.items():
                    (self.state.tree / name).write_bytes(older)
        self.checkpointer = self.state.checkpointer(records=3)

    @invariant()
    def every_checkpoint_is_of_what_was_written(self) -> None:
        file = CheckpointFile(self.state.tree)
        try:
            signed = list(file.all())
        except ValueError:  # damaged above: nothing is signed behind it
            return
        for each in signed:
            found = open_checkpoint(each.note, file.keys())
            assert found.root == self.roots[found.size]


OneHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestOneHistory = OneHistory.TestCase
