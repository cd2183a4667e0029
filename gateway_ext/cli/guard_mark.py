"""`gateway-ext guard mark`: say whether a value that the Guard found was what it was taken for."""

from __future__ import annotations

import argparse

from gateway_ext.administration.actor import local_user
from gateway_ext.administration.acts import record_act
from gateway_ext.audit.events import EventName
from gateway_ext.cli import guard_arguments
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.guard import marks
from gateway_ext.settings import load_settings

SUMMARY = "say whether a finding was right, by its fingerprint"
DESCRIPTION = (
    "Records a judgement about a value, by the fingerprint that the audit trail and 'guard report --detector' show. "
    "Marked values measure the precision of a detector. They change nothing about requests: see 'guard allow' for that."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    parser.description = DESCRIPTION
    parser.add_argument("fingerprint", type=guard_arguments.fingerprint, metavar="FINGERPRINT")
    verdict = parser.add_mutually_exclusive_group(required=True)
    verdict.add_argument("--true", dest="is_right", action="store_true", help="it is what the detector says")
    verdict.add_argument("--false", dest="is_right", action="store_false", help="it is not: a false alarm")
    parser.add_argument(
        "--detector",
        type=guard_arguments.detector,
        help="which one's finding (default: whichever found it)",
    )
    parser.add_argument("--note", type=guard_arguments.note, help="why; stored as it is, so never write the value")
    guard_arguments.add_state(parser, with_policies=False)


def run(options: argparse.Namespace) -> int:
    """Store the judgement. Raises ConfigurationError."""
    settings = load_settings(options.settings, state_dir=options.state)
    root = settings.layout.root
    if not root.is_dir():
        raise ConfigurationError(f"{root}: there is no such state directory; give --state")
    if len(options.note or "") > marks.NOTE_CHARACTERS_MAX:
        raise ConfigurationError(f"--note: at most {marks.NOTE_CHARACTERS_MAX} characters")
    mark = marks.Mark(
        fingerprint=options.fingerprint,
        is_right=options.is_right,
        detector=options.detector or "",
        note=options.note or "",
        by=local_user(),
        marked_unix_nano=SystemClock().now_unix_nano(),
    )
    judged = f"{'true' if mark.is_right else 'false'}, of {mark.detector or 'any detector'}"
    record_act(settings, EventName.VALUE_MARKED, "finding", mark.fingerprint, judged)
    marks.append(root / marks.FILE_NAME, mark)
    print(f"Marked as {'true' if mark.is_right else 'false'}. See what follows: gateway-ext guard report")
    return 0
