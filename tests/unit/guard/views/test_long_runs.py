from __future__ import annotations

import base64

import pytest

from gateway_ext.guard.views.long_runs import RUNS_MAX, may_hold_text

HASH = "9fceb02d0ae598e95dc970b74767f19372d61af8"
VALUE = "the key is AKIAIOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no long run, and 7c9e6679-7425-40de-944b-e07fc1f90ae7 is none",
        f"commit {HASH} fixes it",
        f"{HASH.upper()}\n{HASH}",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "getElementsByClassNameAndAttribute",
    ],
)
def test_hashes_and_identifiers_hold_no_text(text: str) -> None:
    assert not may_hold_text(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(VALUE.encode()).decode(),
        f"{HASH} {base64.urlsafe_b64encode(VALUE.encode()).decode()}",
        f"é{VALUE.encode().hex()}",
        f"path/{base64.b64encode(VALUE.encode()).decode()}",
        base64.b64encode("Schlüssel für Größe".encode()).decode(),
        "x" * 4096,
    ],
)
def test_text_in_a_run_is_seen(text: str) -> None:
    assert may_hold_text(text.encode())


def test_many_runs_are_left_to_the_search_for_signs() -> None:
    runs = [f"{number:032x}" for number in range(RUNS_MAX + 1)]
    assert may_hold_text(" ".join(runs).encode())
    assert not may_hold_text(" ".join(runs[:1] * 200).encode())
