"""The prefilter must not lose anything: the Guard finds what its confirmers find when run over the whole text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway_ext.guard.cache import Match
from gateway_ext.guard.detector import Kind
from gateway_ext.guard.engine import shipped_detectors
from gateway_ext.guard.fingerprint import Fingerprints
from gateway_ext.guard.passages import passage_at
from gateway_ext.guard.profile import Profile
from gateway_ext.guard.scanner import Scanner, Steps, distinct
from gateway_ext.guard.views.view import views

FINGERPRINTS = Fingerprints(b"a key for property tests")
DETECTORS = shipped_detectors()
SCANNER = Scanner(DETECTORS, FINGERPRINTS)
PROFILE = Profile()

VALUES = (
    "DE89 3704 0044 0532 0130 00",
    "fr1420041010050500013m02606",
    "GB82-WEST-1234-5698-7654-32",
    "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "378282246310005",
    "４１１１１１１１１１１１１１１１",
    "1 85 05 78 006 084 91",
    "185057800608491",
    "jeanne.dupont@example.fr",
    "имя@почта.рф",
    "jea\u200bnne@exa\u00admple.fr",
    "+33 (0)6 12 34 56 78",
    "0049 30 123456",
    "06.12.34.56.78",
    "Tél. 612 34 56 78",
    "ТЕЛ: 02 123 456",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "glpat-a1B2c3D4e5F6g7H8i9J0",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_ghi",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAabcdefgh\n-----END RSA PRIVATE KEY-----",
    "postgres://app:s3cr3t@db.internal/x",
    'password = "hunter22"',
    "CONTRASEÑA: 'hunter22'",
    '"hunter22" == my_secret_key',
    "'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0'",
    '"0a1b2c3d4e5f60718293a4b5c6d7e8f9"',
    "xoxb-123456789012-1234567890123-abcdefghijkl",
    "8.8.4.4",
    "//registry.example.org/:_authToken=npm_abcdefghijklmnop",
    "softlayer_api_key: " + "0a1b2c3d" * 8,
)
PROSE = (
    "Die Lieferung verzögert sich um drei Wochen, ",
    "peux-tu réécrire ce paragraphe\u202f? ",
    "Παρακαλώ συνοψίστε τη συνάντηση. ",
    "请总结上次会议的要点，并列出负责人。",
    "def f(key: str) -> str: return key.secret\n",
    '{"id": 48213, "password": null, "sku": "AB-1009-77"}',
    "2026-03-02T10:15:42Z took 182 ms ",
    "the secret of it isn't told ",
    "order 1234-5678-90, 01.02.2024 ",
    "\n",
    "\r\n",
    " ",
    "\t",
    "\ud800",
    "e\u0301",
    "😀\ufe0f",
    "'",
    '"',
    "=",
    ":",
    "x",
    "1",
    " 7",
    "-",
    "ſ",
    "ﬁ",
)
PARTS = st.lists(st.one_of(st.sampled_from(VALUES), st.sampled_from(PROSE), st.text(max_size=8)), max_size=14)
TEXTS = PARTS.map("".join)


def scanned(text: str) -> tuple[Match, ...]:
    return SCANNER.matches(text, PROFILE)


def naive(text: str) -> tuple[Match, ...]:
    found = []
    for view in views(text):
        passages = {passage_at(view.text, position) for position in range(len(view.text))}
        for kind, detector in zip(SCANNER.kinds, DETECTORS, strict=True):
            if view.is_compact and not detector.reads_compact:
                continue
            for start, end in passages:
                for span in detector.confirm(view.text, start, end):
                    place = view.original(span.start, span.end)
                    found.append(Match(kind, *place, span.confidence, FINGERPRINTS.of_value(span.value)))
    return distinct(found)


def places(matches: tuple[Match, ...]) -> set[tuple[str, int, int]]:
    return {(match.kind.name, match.start, match.end) for match in matches}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
@example("_" + VALUES[0])
@example("ſ" + VALUES[0])
@example("12 " + VALUES[0] + "\n" + VALUES[8])
def test_findings_equal_the_naive_run(text: str) -> None:
    assert places(scanned(text)) == places(naive(text))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(VALUES), st.integers(0, 3000), st.integers(0, 3000), st.sampled_from(["lorem ", "请总结 ", "é, "])
)
def test_a_value_is_found_wherever_it_lies_in_a_long_line(value: str, before: int, after: int, filler: str) -> None:
    text = (filler * 1200)[:before] + " " + value + " " + (filler * 1200)[:after]
    alone = places(scanned(value))
    shifted = {(name, start + before + 1, end + before + 1) for name, start, end in alone}
    assert shifted
    assert shifted <= places(scanned(text))


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_one_pass_over_all_texts_misses_none_that_has_a_hit_alone(texts: list[str]) -> None:
    if SCANNER.scan(texts, Profile()).is_clean():
        assert not any(naive(text) for text in texts)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, min_size=2, max_size=4))
@example(["", "x", VALUES[0], ""])
def test_texts_inspected_together_have_the_matches_that_each_has_alone(texts: list[str]) -> None:
    scan = SCANNER.scan(texts, Profile())
    scan.is_clean()
    for index, text in enumerate(texts):
        matches: list[tuple[Match, ...]] = []
        assert all(isinstance(kind, Kind) for kind in _returning(scan.steps(index), matches))
        assert places(matches[0]) == places(scanned(text))


def _returning(steps: Steps, matches: list[tuple[Match, ...]]) -> Iterator[Kind]:
    matches.append((yield from steps))


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("around", [("", ""), ("hello", ""), ("", "hello"), ("x", "y")])
def test_one_pass_sees_a_value_that_is_all_of_a_text(value: str, around: tuple[str, str]) -> None:
    before, after = around
    assert not SCANNER.scan([before, value, after], Profile()).is_clean()


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_a_second_scan_is_the_same(text: str) -> None:
    assert scanned(text) == scanned(text)


@pytest.mark.parametrize("value", VALUES)
def test_planted_values_are_values(value: str) -> None:
    assert scanned(value)
