from benchmarks.audit.retention import measured


def test_what_retention_costs_is_measured() -> None:
    figures = measured(requests=200, segments=20)
    assert 0.5e9 < figures.archived_bytes < 2e9  # as docs/operations.md says: about 1 GB
    assert 64e6 <= figures.erased_bytes < 65e6
    assert figures.judging_seconds > 0
    assert figures.look_seconds > 0
