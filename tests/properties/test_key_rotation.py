"""Whenever keys are rotated: every live token finds its key published, and every key was published before it signed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway_ext.credentials.key_set import KeySet, KeyState, PublishedKey, parse

NOW = 1_800_000_000
LIFE_SECONDS = 1_000
STEP = st.tuples(st.integers(0, 3_000), st.integers(0, 300))  # seconds to wait at least, lead


@given(st.lists(STEP, max_size=8))
def test_live_tokens_verify_throughout(steps: list[tuple[int, int]]) -> None:
    now, keys = NOW, KeySet("personal", (PublishedKey({"kid": "0", "kty": "OKP"}, NOW),))
    sets = [(now, keys)]
    for number, (wait_seconds, lead_seconds) in enumerate(steps, start=1):
        now = max(now, keys.keys[-1].signs_from_unix) + wait_seconds
        keys = keys.rotated({"kid": str(number), "kty": "OKP"}, now, lead_seconds, LIFE_SECONDS)
        assert parse("personal", keys.document(with_times=True)) == keys
        sets.append((now, keys))

    def published(at: int) -> set[str]:
        latest = next(each for since, each in reversed(sets) if since <= at)
        return {key.id for key in latest.published(at).keys}

    for since, each in sets:
        for minted in (since, *(key.signs_from_unix for key in each.keys if key.signs_from_unix >= since)):
            latest = next(known for start, known in reversed(sets) if start <= minted)
            signing = latest.signing(minted)
            assert signing is not None
            assert latest.state(signing, minted) is KeyState.ACTIVE
            for at in {minted, minted + LIFE_SECONDS - 1, *(s for s, _ in sets if minted <= s < minted + LIFE_SECONDS)}:
                assert signing.id in published(at)
        assert len([key for key in each.keys if each.state(key, since) is KeyState.ACTIVE]) == 1
