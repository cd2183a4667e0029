from typing import Any

import pytest

from gateway_ext.consent.acceptance import Acceptance, State, key_of, state_of
from gateway_ext.errors import ConfigurationError
from tests.unit.consent.people import ADA, TERMS


def acceptance(**changes: Any) -> Acceptance:
    values: dict[str, Any] = {
        "party": ADA,
        "agreement": "terms",
        "version": "2",
        "is_withdrawn": False,
        "since_unix_nano": 1,
        "actor": "ada",
    }
    return Acceptance(**(values | changes))


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (None, State.MISSING),
        (acceptance(), State.ACCEPTED),
        (acceptance(version="1"), State.OUTDATED),
        (acceptance(is_withdrawn=True), State.WITHDRAWN),
        (acceptance(version="1", is_withdrawn=True), State.WITHDRAWN),
    ],
)
def test_what_was_said_is_judged_by_the_version_in_force(said: Acceptance | None, state: State) -> None:
    assert state_of(TERMS, said) is state


def test_the_list_goes_on_by_party_and_agreement() -> None:
    assert key_of(acceptance()) == ("person", "ada", "terms")


@pytest.mark.parametrize("field", ["agreement", "version", "actor", "reason"])
def test_words_are_one_printable_line(field: str) -> None:
    with pytest.raises(ConfigurationError, match=f"the {field} must be one line"):
        acceptance(**{field: "two\nlines"})
