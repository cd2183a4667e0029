"""Fields that requests of every dialect have. Each raises BodyInvalid, whose `param` names the field to repair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_ext import limits
from gateway_ext.dialects.vocabulary import Vocabulary
from gateway_ext.errors import BodyInvalid


def refuse_lookalikes(document: Mapping[str, Any], vocabulary: Vocabulary) -> None:
    """Refuse `Model` beside or instead of `model`: some servers match names regardless of case, so theirs would count."""
    for key in document:
        if key not in vocabulary.keys and (field := key.casefold()) in vocabulary.interpreted:
            raise BodyInvalid(f"The name of the field '{field}' must be written in lower case.", param=field)


def model_name(document: Mapping[str, Any]) -> str:
    model = document.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BodyInvalid("'model' must name a model.", param="model")
    if len(model) > limits.MODEL_NAME_CHARACTERS_MAX:
        raise BodyInvalid("'model' is too long to be the name of a model.", param="model")
    return model


def flag(document: Mapping[str, Any], field: str) -> bool:
    """Absent and null are false."""
    value = document.get(field)
    if value is not None and not isinstance(value, bool):
        raise BodyInvalid(f"'{field}' must be true or false.", param=field)
    return value is True


def integer(document: Mapping[str, Any], field: str, maximum: int, minimum: int = 1) -> int | None:
    """None when absent or null."""
    value = document.get(field)
    if value is None:
        return None
    if type(value) is not int or not minimum <= value <= maximum:
        raise BodyInvalid(f"'{field}' must be an integer from {minimum} to {maximum}.", param=field)
    return value


def check_items(items: object, field: str) -> None:
    if not isinstance(items, list) or not items or not all(type(item) is dict for item in items):
        raise BodyInvalid(f"'{field}' must be a list of objects, with at least one.", param=field)
