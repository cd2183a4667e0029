"""Whatever may be written as reason or team, the entry that `guard allow` writes is read back as it was meant."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway_ext.cli.guard_yaml import allowance_lines, with_allowance
from gateway_ext.policy.guard_schema import AllowedValue
from gateway_ext.policy.yaml_source import read_source

LINES = st.text(min_size=1, max_size=40) | st.text("#:'\"\\{}[]&*!|>%@`-?, \t~0nuléß日\U0001f600", min_size=1)
BASES = (
    "deadline_ms: 1000\n",
    "deadline_ms: 1000\nallow: # known\n  # hotline\n  - {detector: phone, fingerprint: x, reason: y}\n",
    "allow:\n-   detector: phone\n    reason: y\ndeadline_ms: 1000",
    "allow:\r\n  - detector: phone\r\ndeadline_ms: 1000\r\n",
)


@given(
    base=st.sampled_from(BASES),
    fingerprint=st.text("0123456789abcdef", min_size=32, max_size=32),
    reason=LINES,
    teams=st.lists(LINES, unique=True, max_size=3),
    until=st.none() | st.dates(),
)
def test_what_is_written_is_what_was_meant(
    base: str, fingerprint: str, reason: str, teams: list[str], until: date | None
) -> None:
    wanted: dict[str, Any] = {"detector": "iban", "fingerprint": fingerprint, "reason": reason}
    wanted |= {"teams": tuple(teams)} if teams else {}
    wanted |= {"until": until.isoformat()} if until else {}
    if not all(text.isprintable() for text in (reason, *teams)):
        with pytest.raises(ValidationError):
            AllowedValue.model_validate(wanted)
        return
    changed = with_allowance(base.encode(), allowance_lines(AllowedValue.model_validate(wanted)))
    before, after = read_source("guard.yaml", base.encode()), read_source("guard.yaml", changed)
    assert after.problems == ()
    assert after.document["allow"] == (wanted, *before.document.get("allow", ()))
    assert after.document | {"allow": ()} == before.document | {"allow": ()}
