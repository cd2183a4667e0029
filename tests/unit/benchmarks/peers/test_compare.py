import pytest

from benchmarks.contestants import Contestant
from benchmarks.field import OURS
from benchmarks.measure import Sample
from benchmarks.peers.compare import Row, row, table


def test_figures_are_medians_and_requests_per_cpu_second_of_all_and_on_the_path() -> None:
    contestant = Contestant("peer", 1, "", {"workers": [1], "supervisor": [2]}, ("workers",))
    rounds = [_sample(requests, workers=0.5, supervisor=0.3) for requests in (1000, 500, 100)]
    found = row(contestant, rounds)
    assert found.requests_per_second == 250
    assert found.cpu_us == pytest.approx({"workers": 1000, "supervisor": 600})
    assert found.per_core == pytest.approx(625)
    assert found.per_core_on_path == pytest.approx(1000)


def test_a_contestant_that_answers_nothing_shows_with_what() -> None:
    contestant = Contestant("peer", 1, "", {"workers": [1]}, ("workers",))
    found = row(contestant, [Sample(0, 7, 2.0, (), {"workers": 0.1}, {503: 7})])
    assert (found.failures, found.per_core) == (7, 0.0)
    assert "[503]" in table([found])


def test_ratios_are_to_our_gateway() -> None:
    rows = [Row(OURS, 1000, {"envoy": 500.0}, 500.0), Row("peer", 300, {"node": 2000.0}, 2000.0)]
    assert [line.split()[-4] for line in table(rows).splitlines()[1:]] == ["1.00", "4.00"]


def test_a_peer_that_did_not_start_keeps_its_row() -> None:
    assert "did not start: node is missing" in table([Row("peer", reason="did not start: node is missing")])


def _sample(requests: int, **cpu_seconds: float) -> Sample:
    return Sample(requests, 0, 2.0, (), cpu_seconds)
