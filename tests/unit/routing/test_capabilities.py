from __future__ import annotations

import pytest

from gateway_ext.errors import CapabilityMissing
from gateway_ext.exchange import Candidate
from gateway_ext.routing.capabilities import capable

UNSTATED = Candidate("u/m", "u", "m", "FR", "open-eu")
PLAIN = Candidate("p/m", "p", "m", "FR", "open-eu", capabilities=frozenset())
TOOLS = Candidate("t/m", "t", "m", "FR", "open-eu", capabilities=frozenset({"tools"}))
EYES = Candidate("e/m", "e", "m", "FR", "open-eu", capabilities=frozenset({"vision", "json_mode"}))


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ((), (PLAIN, TOOLS, EYES, UNSTATED)),
        (("tools",), (TOOLS, UNSTATED)),
        (("vision", "json_mode"), (EYES, UNSTATED)),
        (("tools", "vision"), (UNSTATED,)),
    ],
)
def test_what_cannot_serve_is_left_out(needs: tuple[str, ...], expected: tuple[Candidate, ...]) -> None:
    assert capable((PLAIN, TOOLS, EYES, UNSTATED), frozenset(needs)) == expected


@pytest.mark.parametrize(
    ("needs", "named"),
    [(("audio",), "audio"), (("audio", "tools"), "audio"), (("tools", "vision"), "tools, vision")],
    ids=["none can", "one is too much", "no two at once"],
)
def test_none_left_is_a_refusal_that_names_what_is_missing(needs: tuple[str, ...], named: str) -> None:
    with pytest.raises(CapabilityMissing, match=f"needs: {named}\\.") as caught:
        capable((PLAIN, TOOLS, EYES), frozenset(needs))
    assert (caught.value.code, caught.value.http_status) == ("capability_missing", 400)


def test_none_to_begin_with_is_not_its_affair() -> None:
    assert capable((), frozenset({"tools"})) == ()
