"""A state directory with a key and a real trail, a policy, and a Guard of few detectors, which compiles at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.segments import segment_path, segment_sizes
from gateway_ext.audit.spool import Spool
from gateway_ext.clock import SystemClock
from gateway_ext.exchange import CredentialClass, Finding, Principal
from gateway_ext.guard.detector import Detector
from gateway_ext.guard.engine import shipped_detectors
from gateway_ext.guard.prefilter import Prefilter

KEY = b"0123456789abcdef0123456789abcdef"
GOOD = Path(__file__).parents[2] / "policies" / "good"
FEW = {"aws_key", "canary", "email", "iban", "label_tlp", "private_key"}


@cache
def few_detectors() -> list[Detector]:
    return [detector for detector in shipped_detectors() if detector.name in FEW]


_compiled: dict[str, Prefilter] = {}


def compiled_once(*arguments: Any) -> Prefilter:
    """Compiling takes half a second, and every command does so for itself."""
    key = repr(arguments)
    if key not in _compiled:
        _compiled[key] = Prefilter(*arguments)
    return _compiled[key]


def with_few_detectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else about the Guard is as it is shipped."""
    detectors = few_detectors()
    monkeypatch.setattr("gateway_ext.guard.engine.shipped_detectors", lambda: detectors)
    monkeypatch.setattr("gateway_ext.guard.scanner.Prefilter", compiled_once)


def make_state(root: Path) -> Path:
    """A state directory with a fingerprint key."""
    root.mkdir(parents=True, exist_ok=True)
    key = root / "fingerprint.key"
    key.write_bytes(KEY)
    key.chmod(0o600)
    return root


def make_policies(directory: Path, guard: str = "") -> Path:
    """A copy of the good policy, with lines added to guard.yaml."""
    shutil.copytree(GOOD, directory)
    with (directory / "guard.yaml").open("a") as file:
        file.write(guard)
    return directory


class TrailClock(SystemClock):
    """A second between two records."""

    def __init__(self, start_unix_seconds: int) -> None:
        super().__init__()
        self._seconds = start_unix_seconds

    def now_unix_nano(self) -> int:
        self._seconds += 1
        return self._seconds * 1_000_000_000


def finding(detector: str, value: int, action: str = "log", data_class: str = "personal") -> Finding:
    """Of value number `value`, whose fingerprint is that number."""
    return Finding(
        detector, "1", data_class, 0, "/messages/0/content", 0, 1, 0.9, action, False, f"{value:032x}", "user"
    )


def record(number: int, findings: Sequence[Finding], subject: str = "anna", issuer: str = "company") -> DecisionRecord:
    caller = Principal(subject, "person", issuer, CredentialClass.SSO, "k")
    event = EventName.DECISION_FORWARDED
    return DecisionRecord(
        event, f"exchange{number}", "forward", "d", "public", "192.0.2.1", principal=caller, findings=tuple(findings)
    )


def write_trail(
    state: Path,
    records: Sequence[DecisionRecord],
    process: str = "processor-0",
    start_unix_seconds: int = 1_800_000_000,
) -> Path:
    """Append records to the spool; returns the process's directory."""
    spool = Spool(state / "spool", process, TrailClock(start_unix_seconds))
    for each in records:
        spool.append(each)
    spool.close()
    date_segments(state / "spool" / process, start_unix_seconds)
    return state / "spool" / process


def date_segments(directory: Path, unix_seconds: int) -> None:
    """Give the newest segment a time behind that of its records, as it has where files and records have one clock."""
    number = max(segment_sizes(directory))
    os.utime(segment_path(directory, number), (unix_seconds + 86_400, unix_seconds + 86_400))
