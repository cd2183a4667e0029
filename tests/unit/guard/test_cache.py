from __future__ import annotations

from gateway_ext.guard.cache import Match, MatchCache
from gateway_ext.guard.detector import Kind

MATCH = Match(Kind("iban", "1", "personal"), 1, 2, 1.0, "f")


def test_the_least_recently_used_goes_first() -> None:
    cache = MatchCache(weight_max=5)
    cache.put(b"a", (MATCH,))
    cache.put(b"b", (MATCH,))
    assert cache.get(b"a") == (MATCH,)
    cache.put(b"c", (MATCH,))
    assert cache.get(b"b") is None
    assert cache.get(b"a") == cache.get(b"c") == (MATCH,)


def test_an_entry_heavier_than_the_cache_is_not_kept() -> None:
    cache = MatchCache(weight_max=5)
    cache.put(b"a", (MATCH,) * 9)
    assert cache.get(b"a") is None
    cache.put(b"b", ())
    assert cache.get(b"b") == ()


def test_replacing_an_entry_replaces_its_weight() -> None:
    cache = MatchCache(weight_max=4)
    for _ in range(10):
        cache.put(b"a", (MATCH,))
    cache.put(b"b", (MATCH,))
    assert cache.get(b"a") == (MATCH,)
