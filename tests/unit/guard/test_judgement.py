from __future__ import annotations

from gateway_ext.exchange import Finding, Text
from gateway_ext.guard.judgement import judge
from gateway_ext.verdict import Edit, Redact

TEXTS = [Text((0,), "a", "user", "x" * 50), Text((1,), "b", "user", "x" * 50)]


def finding(detector: str, data_class: str, start: int, end: int, action: str = "redact", index: int = 0) -> Finding:
    return Finding(detector, "1", data_class, index, "a", start, end, 1.0, action, False, "")


def edits(*findings: Finding) -> tuple[Edit, ...]:
    verdict = judge(TEXTS, findings)
    assert isinstance(verdict, Redact)
    return verdict.edits


def test_overlapping_findings_become_one_edit() -> None:
    assert edits(finding("phone", "personal", 5, 12), finding("iban", "personal", 0, 10)) == (Edit(0, 0, 12, "[IBAN]"),)


def test_a_long_finding_covers_all_that_follow_within_it() -> None:
    inner = [finding("phone", "personal", start, start + 2) for start in (3, 8, 14)]
    outer = finding("email", "personal", 0, 20)
    assert edits(outer, *inner, finding("phone", "personal", 20, 24)) == (
        Edit(0, 0, 20, "[EMAIL]"),
        Edit(0, 20, 24, "[PHONE]"),
    )


def test_a_secret_gives_the_name() -> None:
    merged = edits(finding("email", "personal", 0, 20), finding("basic_auth", "secret", 15, 22))
    assert merged == (Edit(0, 0, 22, "[SECRET]"),)


def test_what_is_only_logged_is_not_edited() -> None:
    logged = finding("email", "personal", 0, 30, "log")
    assert edits(logged, finding("phone", "personal", 5, 9)) == (Edit(0, 5, 9, "[PHONE]"),)


def test_texts_are_edited_apart() -> None:
    assert edits(finding("phone", "personal", 0, 9, index=1), finding("phone", "personal", 5, 9)) == (
        Edit(0, 5, 9, "[PHONE]"),
        Edit(1, 0, 9, "[PHONE]"),
    )
