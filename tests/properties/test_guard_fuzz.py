"""Whatever a text holds, and however it is cut: no crash, nothing lost, nothing of a redacted value left.

`GUARD_FUZZ_EXAMPLES` asks for more examples than a quick run has time for.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_ext.exchange import Text
from gateway_ext.guard.catalog import CLASSES, DETECTORS
from gateway_ext.guard.detector import TooManyCandidates
from gateway_ext.guard.engine import GuardEngine
from gateway_ext.guard.rules import Action, DetectorRule, GuardRules
from gateway_ext.verdict import Redact

EXAMPLES = int(os.environ.get("GUARD_FUZZ_EXAMPLES", "60"))
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])

RULES = GuardRules(
    classes=dict.fromkeys(CLASSES, DetectorRule(Action.REDACT)),
    detectors={},
    deadline_seconds=60.0,
    detector_deadline_seconds=60.0,
    classifiers=frozenset(DETECTORS),
)
GUARD = GuardEngine(b"a key for property tests")

VALUES = {
    "DE89 3704 0044 0532 0130 00": "iban",
    "4111 1111 1111 1111": "payment_card",
    "jeanne.dupont@example.fr": "email",
    "AKIAIOSFODNN7EXAMPLE": "aws_key",
    "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8": "github_token",
    "1 85 05 78 006 084 91": "fr_nir",
}
DISGUISES = (
    str,
    lambda value: "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in value),
    lambda value: value[:7] + "\u200b" + value[7:],
    lambda value: value.replace(" ", "\u00a0"),
)
FILLERS = (
    "lorem ipsum ",
    "请总结上次会议 ",
    "x = f(a)\n",
    "é, ",
    "1 ",
    "a\u0301 ",
    "\ud800 ",
    "😀\ufe0f ",
    "'\"=: ",
    "\x00\r\n",
)
NOISE = st.one_of(st.sampled_from(FILLERS), st.text(max_size=12))


def redacted(texts: list[str], verdict: Redact) -> list[str]:
    result = list(texts)
    for edit in sorted(verdict.edits, key=lambda edit: -edit.start):
        value = result[edit.text_index]
        result[edit.text_index] = value[: edit.start] + edit.replacement + value[edit.end :]
    return result


def given_to(values: list[str]) -> list[Text]:
    return [Text((index,), f"texts[{index}]", "user", value) for index, value in enumerate(values)]


@FUZZ
@given(st.lists(st.lists(NOISE, max_size=12).map("".join), max_size=4))
async def test_any_texts_get_a_verdict(values: list[str]) -> None:
    verdict = await GUARD.inspect(given_to(values), RULES)
    for finding in verdict.findings:
        assert 0 <= finding.start < finding.end <= len(values[finding.text_index])
    assert (await GUARD.inspect(given_to(values), RULES)).findings == verdict.findings


@FUZZ
@given(st.binary(max_size=400))
def test_any_bytes_as_text_are_read(data: bytes) -> None:
    for text in (data.decode("latin-1"), data.decode("utf-8", "surrogateescape"), data.decode("utf-16-le", "replace")):
        for match in GUARD.matches(text, RULES):
            assert 0 <= match.start < match.end <= len(text)


@FUZZ
@given(
    st.sampled_from(sorted(VALUES)),
    st.sampled_from(DISGUISES),
    st.sampled_from(FILLERS[:4]),
    st.integers(0, 6000),
    st.integers(0, 3000),
)
def test_a_value_is_found_wherever_passages_are_cut(
    value: str, disguise: object, filler: str, before: int, after: int
) -> None:
    assert callable(disguise)
    hidden = disguise(value)
    text = f"{(filler * 6000)[:before]} {hidden} {(filler * 3000)[:after]}"
    start = before + 1
    found = [match for match in GUARD.matches(text, RULES) if match.kind.name == VALUES[value]]
    assert any(match.start == start and match.end == start + len(hidden) for match in found)


@FUZZ
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(VALUES)), st.sampled_from(DISGUISES), st.sampled_from(FILLERS[:4])),
        min_size=1,
        max_size=5,
    )
)
async def test_what_was_redacted_is_not_found_again(parts: list[tuple[str, object, str]]) -> None:
    values = []
    for value, disguise, filler in parts:
        assert callable(disguise)
        values.append(f"{filler * 3}{disguise(value)}\n{filler}")
    values.append("\n".join(values))
    verdict = await GUARD.inspect(given_to(values), RULES)
    assert isinstance(verdict, Redact)
    names = set(VALUES.values())
    for text in redacted(values, verdict):
        assert not [match for match in GUARD.matches(text, RULES) if match.kind.name in names]
        for value, _, _ in parts:
            assert value not in text


@pytest.mark.parametrize("filler", FILLERS)
def test_long_texts_of_noise_are_read_or_refused(filler: str) -> None:
    text = (filler * 20_000)[:20_000]
    try:
        matches = GUARD.matches(text, RULES)
    except TooManyCandidates:
        return
    assert all(0 <= match.start < match.end <= len(text) for match in matches)
