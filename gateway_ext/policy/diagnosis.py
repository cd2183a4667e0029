"""From pydantic's errors to problems that a platform engineer can act on, at the place in the file they come from."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gateway_ext.policy.problems import Problem, suggestion
from gateway_ext.policy.section import Section
from gateway_ext.policy.yaml_source import Location, Source

_KINDS = {
    str: "text",
    int: "a number",
    Decimal: "a decimal number",
    bool: "true/false",
    dict: "a mapping",
    tuple: "a list",
}


def diagnose(source: Source, shape: type[Section], error: ValidationError) -> list[Problem]:
    """One problem per fault that `shape` found in `source`."""
    return [_problem(source, shape, details) for details in error.errors(include_url=False)]


def _problem(source: Source, shape: type[Section], details: ErrorDetails) -> Problem:
    location: Location = details["loc"]
    is_key = bool(location) and location[-1] == "[key]"
    if is_key:
        location = location[:-1]
    if details["type"] == "missing":
        return source.problem(location, _missing(shape, location))
    if details["type"] == "extra_forbidden":
        known = _known_keys(shape, location[:-1])
        return source.problem(
            location, f"unknown key '{location[-1]}'{suggestion(str(location[-1]), known)}", of_key=True
        )
    # A mapping or list begins below its key or far right of it: its key is the better place to show.
    of_key = is_key or isinstance(details["input"], dict | tuple)
    explain = _MESSAGES.get(details["type"])
    message = explain(details) if explain else details["msg"]
    if message.startswith("unknown "):  # names its kind itself
        return source.problem(location, message, of_key=of_key)
    return source.problem(location, f"{_label(location)} {message}", of_key=of_key)


def _label(location: Location) -> str:
    """`'url'`, `item 2 of 'models'`, or `the file`."""
    if not location:
        return "the file"
    if isinstance(location[-1], str):
        return f"'{location[-1]}'"
    return f"item {location[-1] + 1} of {_label(location[:-1])}"


def _missing(shape: type[Section], location: Location) -> str:
    name, parent = str(location[-1]), location[:-1]
    field = _fields(_type_at(shape, parent)).get(name)
    example = f"; add it, for example '{name}: {field.examples[0]}'" if field and field.examples else "; add it"
    return f"{_label(parent)} lacks the key '{name}'{example}"


def _known_keys(shape: type[Section], location: Location) -> list[str]:
    return list(_fields(_type_at(shape, location)))


def _fields(annotation: Any) -> dict[str, FieldInfo]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return {field.alias or name: field for name, field in annotation.model_fields.items()}
    return {}


def _type_at(annotation: Any, location: Location) -> Any:
    """The type that the schema gives to the value at `location`."""
    if get_origin(annotation) is Annotated or NoneType in get_args(annotation):  # Optional: its kind comes first
        return _type_at(get_args(annotation)[0], location)
    if location and (held := get_args(annotation)):
        return _type_at(held[1] if get_origin(annotation) is dict else held[0], location[1:])
    if location and (field := _fields(annotation).get(str(location[0]))):
        return _type_at(field.annotation, location[1:])
    return annotation


def _instead_of(wanted: str) -> Callable[[ErrorDetails], str]:
    return lambda details: f"must be {wanted}, not {_KINDS.get(type(details['input']), 'nothing')}"


def _choice(details: ErrorDetails) -> str:
    names = re.findall(r"'([^']*)'", details["ctx"]["expected"])
    given = details["input"]
    if not isinstance(given, str):
        return f"must be one of {', '.join(names)}, not {_KINDS.get(type(given), 'nothing')}"
    word = "key" if details["loc"][-1] == "[key]" else "value"
    return f"unknown {word} '{given}'{suggestion(given, names)}"


_MAPPING = _instead_of("a mapping of 'key: value' pairs")
_BOUNDS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}


def _bound(details: ErrorDetails) -> str:
    words, key = _BOUNDS[details["type"]]
    return f"must be {words} {details['ctx'][key]}"


_MESSAGES: dict[str, Callable[[ErrorDetails], str]] = {
    "policy": lambda details: details["ctx"]["message"],
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": _instead_of("a list, such as [a, b]"),
    "string_type": _instead_of("text (quote it if it looks like a number)"),
    "int_type": _instead_of("a whole number"),
    "bool_type": _instead_of("true or false"),
    "literal_error": _choice,
    "enum": _choice,
    "greater_than_equal": _bound,
    "less_than_equal": _bound,
    "too_short": lambda _: "must not be empty",
}
