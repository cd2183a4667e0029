from __future__ import annotations

import pytest

from gateway_ext.guard.graduation import OFF, THRESHOLDS, Evidence, suggest, wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials", "lower", "upper"),
    [
        (0, 0, 0.0, 1.0),
        (1, 10, 0.0179, 0.4042),  # Brown, Cai & DasGupta 2001, table 5, and R's prop.test(correct=FALSE)
        (10, 10, 0.7225, 1.0),
        (0, 10, 0.0, 0.2775),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
    ],
)
def test_wilsons_interval_is_the_published_one(successes: int, trials: int, lower: float, upper: float) -> None:
    assert wilson_interval(successes, trials) == pytest.approx((lower, upper), abs=1e-4)


def mode(mode: str, evidence: Evidence, detector: str = "iban", data_class: str = "personal") -> str:
    return suggest(detector, data_class, mode, evidence).mode


def test_enough_right_values_graduate_step_by_step() -> None:
    assert mode("log", Evidence(30, 16, right=16)) == "redact"
    assert mode("log", Evidence(5_000, 5_000, right=73)) == "redact"  # not two steps at once
    assert mode("redact", Evidence(100, 73, right=73)) == "block"
    assert mode("pseudonymize", Evidence(100, 73, right=73)) == "block"
    assert mode("block", Evidence(100, 73, right=73)) == "block"


def test_too_little_evidence_says_what_is_missing() -> None:
    for evidence, missing in (
        (Evidence(29, 29, right=29), "redact needs 30 hits"),
        (Evidence(500, 100), "redact needs 16 more values marked true"),
        (Evidence(500, 100, right=15), "redact needs 1 more values marked true"),
        (Evidence(500, 20, right=15, wrong=1), "redact needs 9 more values marked true, but only 4 are unmarked"),
        (Evidence(500, 100, right=20, wrong=20), "precision is at most 0.65, but redact needs 0.80"),
    ):
        suggestion = suggest("iban", "personal", "log", evidence)
        assert (suggestion.mode, suggestion.reason) == ("log", missing)


def test_what_is_said_to_be_missing_is_enough() -> None:
    for right, wrong in ((0, 0), (5, 1), (40, 3), (200, 20)):
        reason = suggest("iban", "personal", "log", Evidence(10_000, 10_000, right, wrong)).reason
        if "more values" not in reason:
            continue
        more = int(reason.split()[2])
        assert mode("log", Evidence(10_000, 10_000, right + more, wrong)) == "redact"
        assert mode("log", Evidence(10_000, 10_000, right + more - 1, wrong)) == "log"


def test_many_hits_of_few_values_prove_nothing() -> None:
    assert mode("log", Evidence(hits=1_000_000, values=3, right=3)) == "log"


def test_evidence_against_a_mode_leads_back() -> None:
    assert mode("block", Evidence(500, 500, right=40, wrong=20)) == "redact"
    assert mode("redact", Evidence(500, 500, right=10, wrong=30)) == "log"
    assert mode("redact", Evidence(500, 500, right=90, wrong=10)) == "redact"
    assert mode("block", Evidence(500, 500)) == "block"  # nothing said against it


@pytest.mark.parametrize(
    ("detector", "data_class"),
    [("label_tlp", "confidential"), ("injection_override", "injection"), ("harmful_hate", "harmful")],
)
def test_a_sign_is_blocked_or_logged_but_never_cut_out(detector: str, data_class: str) -> None:
    assert mode("log", Evidence(500, 500, right=40), detector, data_class) == "log"
    assert mode("log", Evidence(500, 500, right=73), detector, data_class) == "block"
    assert mode("block", Evidence(500, 500, right=40, wrong=20), detector, data_class) == "log"


def test_what_is_off_stays_off() -> None:
    assert mode(OFF, Evidence(10_000, 10_000, right=1_000)) == OFF


def test_a_stricter_mode_needs_more() -> None:
    redact, block = THRESHOLDS["redact"], THRESHOLDS["block"]
    assert (redact.hits_min, redact.precision_min) < (block.hits_min, block.precision_min)
    assert redact.precision_min < block.precision_min
