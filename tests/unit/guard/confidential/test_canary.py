from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.guard.confidential.canary import RANDOM_BYTES, CanaryDetector, canaries_in, leaked, new_canary

CANARY = new_canary(bytes(range(RANDOM_BYTES)))
OTHER = new_canary(bytes(RANDOM_BYTES))
DETECTOR = CanaryDetector()


def confirmed(text: str) -> list[str]:
    return [span.value for span in DETECTOR.confirm(text, 0, len(text))]


@given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES), st.integers(4, 31), st.sampled_from("abc234567"))
def test_a_changed_character_is_no_canary(random: bytes, at: int, character: str) -> None:
    canary = new_canary(random)
    changed = canary[:at] + character + canary[at + 1 :]
    assert canaries_in(f"x {canary}.") == {canary}
    assert changed == canary or canaries_in(changed) == set()


def test_the_number_of_random_bytes_is_fixed() -> None:
    with pytest.raises(ValueError, match="15"):
        new_canary(b"short")


@pytest.mark.parametrize(
    "text",
    [
        CANARY,
        CANARY.upper(),
        " ".join(CANARY),
        "-".join(CANARY.upper()),
        "\n".join(CANARY[at : at + 7] for at in range(0, len(CANARY), 7)),
        *(base64.b64encode(b"x" * before + CANARY.encode() + b" and more").decode() for before in range(4)),
        "\n".join(base64.b64encode(b"prompt: " + CANARY.encode()).decode()[at : at + 20] for at in range(0, 60, 20)),
    ],
)
def test_a_leak_is_found_in_its_disguises(text: str) -> None:
    whole = f"Ça commence par: {text} !"
    assert leaked(whole, {OTHER}) == []
    [span] = leaked(whole, {OTHER, CANARY})
    assert span.value == CANARY
    assert span.start >= 17
    assert 30 <= span.end - span.start <= len(text)
    assert span.end <= 17 + len(text)


def test_the_detector_finds_any_canary() -> None:
    assert confirmed(f"say {CANARY} {OTHER.upper()} {CANARY.replace('-', '')}") == [CANARY, OTHER, CANARY]
    assert confirmed("gwc-" + "a" * 28 + " gwc- " + CANARY[4:]) == []
    assert all(pattern.search(CANARY) for pattern in DETECTOR.patterns)
