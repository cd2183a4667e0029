"""The tables of families, on credentials that the corpus generates; none is written here."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from benchmarks.guard.secrets_corpus import Case, Finder, Generator, cases, near_misses
from gateway_ext.guard.catalog import DETECTORS, SECRET
from gateway_ext.guard.detector import Detector
from gateway_ext.guard.passages import passage_at
from gateway_ext.guard.secrets.detectors import detectors
from gateway_ext.guard.secrets.families import FAMILIES
from gateway_ext.guard.secrets.family_detector import family_detectors
from gateway_ext.guard.secrets.names import NAMES

BY_FAMILY: dict[str, list[Case]] = defaultdict(list)
for _case in cases(seed=7, per_family=30):
    BY_FAMILY[_case.family].append(_case)
GENERATOR = Generator(3)


def detector(name: str) -> Detector:
    return next(one for one in family_detectors() if one.name == name)


@pytest.mark.parametrize("family", sorted(BY_FAMILY))
def test_recall_with_exact_spans(finder: Finder, family: str) -> None:
    chosen = BY_FAMILY[family]
    missed = [case.text for case in chosen if (family, case.start, case.end) not in finder.found(case.text)]
    assert len(missed) <= 0.1 * len(chosen)


def test_every_secret_detector_but_those_of_entropy_has_cases() -> None:
    assert len(BY_FAMILY) >= 75
    assert set(NAMES) - set(BY_FAMILY) == {"high_entropy_base64", "high_entropy_hex"}


@pytest.mark.parametrize("text", near_misses(seed=5, count=120))
def test_near_misses(finder: Finder, text: str) -> None:
    assert {name for name, _, _ in finder.found(text) if not name.startswith("high_entropy")} == set()


def test_the_prefilter_loses_nothing_that_a_detector_confirms(finder: Finder) -> None:
    for family, chosen in BY_FAMILY.items():
        for case in chosen[:3]:
            passages = {passage_at(case.text, position) for position in range(len(case.text))}
            everywhere = {
                (one.name, span.start, span.end)
                for one in finder.detectors
                for start, end in passages
                for span in one.confirm(case.text, start, end)
            }
            assert finder.found(case.text) == everywhere, family


def test_names_are_those_of_the_catalogue() -> None:
    shipped = detectors()
    assert sorted(one.name for one in shipped if one.data_class == SECRET) == sorted(NAMES)
    assert all(DETECTORS[name] == SECRET and re.fullmatch("[a-z][a-z0-9_]+", name) for name in NAMES)


def test_what_is_searched_in_compact_readings_has_a_prefix_and_a_fixed_length() -> None:
    fixed = [family for family in FAMILIES if family.is_fixed]
    assert len(fixed) >= 40
    for family in fixed:
        outside_of_classes = re.sub(r"\[[^]]*\]", "", family.pattern)
        assert not re.search(r"[*+]|\{\d+,", outside_of_classes), family.name
        assert not family.keyword


@pytest.mark.parametrize("family", [one.name for one in family_detectors() if one.reads_compact])
def test_compact_text_yields_the_token_alone(finder: Finder, family: str) -> None:
    case = BY_FAMILY[family][0]
    token = case.text[case.start : case.end]
    text = f"mykeyis{token}pleaserotateit"
    assert (family, 7, 7 + len(token)) in finder.found(text)


def test_a_right_checksum_raises_confidence_and_a_wrong_one_lowers_it() -> None:
    for name, form, prefix in (
        ("github_token", "ghp_{CRC}", 4),
        ("npm_token", "npm_{CRC}", 4),
        ("age_secret_key", "{AGE}", 16),
    ):
        token = GENERATOR.filled(form)
        other = "Q" if token[prefix] != "Q" else "P"
        wrong = token[:prefix] + other + token[prefix + 1 :]
        right_span = next(iter(detector(name).confirm(token, 0, len(token))))
        wrong_span = next(iter(detector(name).confirm(wrong, 0, len(wrong))))
        assert (right_span.confidence, wrong_span.confidence) == (0.99, 0.6)


def test_the_example_of_the_documentation_is_found(finder: Finder) -> None:
    assert finder.found("AKIAIOSFODNN7EXAMPLE") == {("aws_key", 0, 20)}


@pytest.mark.parametrize(
    "text", ["AKIAAQAAAAAABAAHAM2A", "ghp_" + "x" * 36, "hf_" + "a" * 34, "sk-proj-" + "my-secret-key-" * 4]
)
def test_what_is_not_random_is_no_token(finder: Finder, text: str) -> None:
    assert finder.found(text) == set()


@pytest.mark.parametrize(
    "form",
    [
        "vcc_{B56}",
        "cfxt_{B48}",
        "ucat_{L26}",
        "sq0idp-{B22}",
        "YC{B38}",
        "fm3_{S200}",
        "HRKU-{B40}",
        "tfp_{B43}",
        "AQE{S90}",
    ],
)
def test_what_only_resembles_a_documented_form_is_no_token(finder: Finder, form: str) -> None:
    named = {name for name, _, _ in finder.found(f"x = {GENERATOR.filled(form)} # y")}
    assert {name for name in named if not name.startswith("high_entropy")} == set()


def test_a_keyword_is_needed_nearby_and_a_word_for_a_credential(finder: Finder) -> None:
    digest = GENERATOR.filled("{H32}")
    assert ("datadog_key", 17, 49) in finder.found(f"datadog api key: {digest}")
    assert ("datadog_key", 21, 53) in finder.found(f"datadog:\n   api_key: {digest}")
    assert finder.found(f"datadog image {digest}") == set()
    assert finder.found(f"datadog key. {'Something else altogether. ' * 4}{digest}") == set()


def test_a_token_across_blocks_of_a_long_line_is_found_whole(finder: Finder) -> None:
    token = GENERATOR.filled("glpat-{B20}")
    for before in (1000, 1015, 2040):
        text = "lorem " * 400
        text = text[: before - 1] + " " + token + " " + text[before:]
        assert ("gitlab_token", before, before + len(token)) in finder.found(text)
