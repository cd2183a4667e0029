"""The benchmark of pseudonyms, in small."""

from pathlib import Path

from benchmarks.audit.subjects import measure


def test_meeting_somebody_is_dear_once_and_cheap_afterwards(tmp_path: Path) -> None:
    costs = measure(tmp_path, records=200, people=5)
    assert costs.first_sight_ever > costs.pseudonymous_record
    assert costs.first_sight_of_a_process > costs.pseudonymous_record
