from __future__ import annotations

import pytest

from gateway_ext.routing.catalog import EEA, EU, GLOBAL, NOWHERE, lies_within


@pytest.mark.parametrize(
    ("place", "allowed", "is_within"),
    [
        ("FR", {"FR"}, True),
        ("FR", {"DE"}, False),
        ("FR", {"EU"}, True),
        ("NO", {"EU"}, False),
        ("NO", {"EEA"}, True),
        ("CH", {"EEA"}, False),
        ("EU", {"EU"}, True),
        ("EU", {"EEA"}, True),
        ("EEA", {"EU"}, False),
        ("EU", {"FR"}, False),
        ("EU", EU, False),  # all of its members are not the union: who writes countries means these
        (GLOBAL, {"EU", "US"}, False),
        (NOWHERE, {"EU"}, False),
        ("", {"EU"}, False),
        ("", {""}, False),
        ("FR", set(), False),
    ],
)
def test_what_lies_within(place: str, allowed: set[str], is_within: bool) -> None:
    assert lies_within(place, allowed) is is_within


def test_the_unions() -> None:
    assert len(EU) == 27
    assert sorted(EEA - EU) == ["IS", "LI", "NO"]
    assert not EEA & {"GB", "CH", "US"}
