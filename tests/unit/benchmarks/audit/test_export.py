from pathlib import Path

from benchmarks.audit.export import measure


def test_exports_are_made_and_verified_by_processes_of_their_own(tmp_path: Path) -> None:
    made, verified = measure(tmp_path, 400, ["jsonl"])
    assert (made.command, verified.command) == ("export, jsonl", "verify, jsonl")
    assert len((tmp_path / "jsonl" / "records.jsonl").read_bytes().splitlines()) == 400
    assert min(made.seconds, made.cpu_seconds, verified.seconds, verified.cpu_seconds) > 0
    assert max(made.peak_mb, verified.peak_mb) < 250
