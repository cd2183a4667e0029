from __future__ import annotations

import re
import threading

import pytest

from gateway_ext.errors import ConfigurationError
from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.prefilter import Prefilter


def test_hits_name_the_detector_and_the_last_byte() -> None:
    prefilter = Prefilter([[re.compile("cat", re.ASCII)], [re.compile("DOG", re.ASCII | re.IGNORECASE)]])
    assert sorted(prefilter.hits(b"a cat, a dog", 10)) == [(0, 4), (1, 11)]


def test_open_ended_patterns_do_not_flood() -> None:
    prefilter = Prefilter([[re.compile("ab+", re.ASCII)]])
    hits = prefilter.hits(b"a" + b"b" * 640 + b"\nabb", 100)
    assert len(hits) <= 13
    assert hits[0] == (0, 1)
    assert hits[-1] == (0, 643)


def test_look_around_is_prefiltered() -> None:
    prefilter = Prefilter([[re.compile(r"(['\"])x\1(?!y)", re.ASCII)]])
    assert prefilter.hits(b"'x' ", 10)
    assert not prefilter.hits(b"'yx' ", 10)


def test_too_many_hits() -> None:
    prefilter = Prefilter([[re.compile("a", re.ASCII)]])
    with pytest.raises(TooManyCandidates):
        prefilter.hits(b"a " * 11, 10)


@pytest.mark.parametrize("pattern", [re.compile("a"), re.compile("a*", re.ASCII)])
def test_unusable_patterns_are_refused(pattern: re.Pattern[str]) -> None:
    with pytest.raises(ConfigurationError, match="guard pattern"):
        Prefilter([[pattern]])


def test_threads_scan_at_the_same_time() -> None:
    prefilter = Prefilter([[re.compile("needle", re.ASCII)]])
    data = b"hay " * 200_000 + b"needle"
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(len(prefilter.hits(data, 10)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [1] * 8
