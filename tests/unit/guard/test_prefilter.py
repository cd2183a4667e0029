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


TRIGGERED = (
    r"(?P<trigger>tax (?:no|\(id\)))[^\n]*\d{3}|\d{3}[^\n]*tax (?:no|\(id\))",
    r"(?P<trigger>(?:^|[^A-Za-z])n[^A-Za-z\n]+i)[^\n]*\d{3}",
)


@pytest.mark.parametrize(
    ("data", "hits"),
    [
        (b"tax no 123", [(0, 9)]),
        (b"of\n123 tax (id)\nlater", [(0, 14)]),
        (b"tax no\n123", []),
        (b"123, 456", []),
        ("é\nn. i. 123\n".encode(), [(1, 11)]),
        (b"an i 123", []),
        (b"cat n. i. 123, tax no 123", [(2, 2), (1, 12), (0, 20), (0, 24), (1, 24)]),
    ],
)
def test_triggered_patterns_are_found_in_lines_with_their_trigger(data: bytes, hits: list[tuple[int, int]]) -> None:
    patterns = [[re.compile(pattern, re.ASCII | re.IGNORECASE)] for pattern in TRIGGERED]
    assert sorted(Prefilter([*patterns, [re.compile("cat", re.ASCII)]]).hits(data, 10)) == sorted(hits)


def test_triggered_patterns_are_found_in_every_line() -> None:
    prefilter = Prefilter([[re.compile("(?P<trigger>word)[^\n]*7", re.ASCII)]])
    assert prefilter.hits(b"word 7\n" * 5 + b"word 7", 10) == [(0, 7 * line + 5) for line in range(6)]
