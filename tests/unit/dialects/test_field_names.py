from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_ext.dialects.field_names import as_named
from gateway_ext.dialects.request_edits import replace_model

NAMES = {"stream_options": "", "seed": "random_seed", "max_completion_tokens": "max_tokens"}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"model": "m"}, {"model": "m"}),
        ({"stream_options": {"include_usage": True}, "stream": True}, {"stream": True}),
        ({"seed": 1, "max_completion_tokens": 5}, {"random_seed": 1, "max_tokens": 5}),
        ({"seed": 1, "random_seed": 2}, {"random_seed": 2}),  # under its own name it is what the caller meant for it
        ({"seed": None}, {"random_seed": None}),
    ],
)
def test_fields_get_the_names_that_the_provider_knows(document: dict[str, Any], told: dict[str, Any]) -> None:
    before = dict(document)
    assert as_named(document, NAMES) == told
    assert document == before


def test_names_may_be_swapped() -> None:
    assert as_named({"a": 1, "b": 2}, {"a": "b", "b": "a"}) == {"b": 1, "a": 2}


def test_a_body_is_only_written_anew_when_it_changes() -> None:
    body = b'{ "model": "m", "x": 1 }'
    assert replace_model(body, "m", NAMES) == body
    assert json.loads(replace_model(b'{"model": "m", "seed": 1}', "m", NAMES)) == {"model": "m", "random_seed": 1}
    assert json.loads(replace_model(b'{"model": "m", "seed": 1}', "n", NAMES)) == {"model": "n", "random_seed": 1}
