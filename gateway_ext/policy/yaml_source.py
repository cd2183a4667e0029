"""Strict YAML: the one reading of a policy file that is left when everything surprising is refused.

Refused: anchors and aliases (they can expand without bound), tags, several documents, duplicate keys, keys that are
not text, deep nesting, anything but UTF-8. Scalars follow YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema)
without its octal, hexadecimal and exponent forms: `NO` is a country and `on` a word; 2.5 is a Decimal, never a float.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from gateway_ext.policy.problems import Problem

DEPTH_MAX = 16

Location = tuple[str | int, ...]
"""Keys and list positions from the document's root."""

Position = tuple[int, int]
"""Line and column, counted from 1."""

_START: Position = (1, 1)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it: a reload stays short
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Source:
    """One file: mappings as dict, lists as tuple, scalars as str, int, Decimal, bool or None, and where each stood.

    `document` is meaningless unless `is_readable`. `problems` may be there even so: duplicate keys, for example.
    """

    file: str
    document: Any
    is_readable: bool
    problems: tuple[Problem, ...]
    keys: Mapping[Location, Position] = field(default_factory=dict)
    values: Mapping[Location, Position] = field(default_factory=dict)

    def position(self, location: Location, *, of_key: bool = False) -> Position:
        """Where `location` stands in the file, or the nearest place around it that does."""
        for length in range(len(location), -1, -1):
            place = location[:length]
            # What encloses a missing thing is best shown by its key: its value may begin lines below.
            found = self.keys.get(place) if of_key or length < len(location) else None
            if found := found or self.values.get(place):
                return found
        return _START

    def problem(self, location: Location, message: str, *, of_key: bool = False) -> Problem:
        return Problem(self.file, *self.position(location, of_key=of_key), message)


def read_source(file: str, data: bytes) -> Source:
    """Parse the bytes of `file`. Never raises: what is wrong is in `problems`."""
    builder = _Builder(file)
    try:
        document = builder.document(_decode(data))
    except _RefusedError as refusal:
        problem = Problem(file, *refusal.position, str(refusal))
        return Source(file, None, is_readable=False, problems=(*builder.problems, problem))
    return Source(file, document, True, tuple(builder.problems), builder.keys, builder.values)


class _RefusedError(Exception):
    """The rest of the file cannot be read."""

    def __init__(self, message: str, position: Position):
        super().__init__(message)
        self.position = position


def _decode(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise _RefusedError("is not UTF-8; save the file in that encoding", _end_of(before)) from None
    if unprintable := yaml.reader.Reader.NON_PRINTABLE.search(text):
        raise _RefusedError("has a control character; delete it", _end_of(text[: unprintable.start()]))
    return text


def _end_of(text: str) -> Position:
    return text.count("\n") + 1, len(text) - text.rfind("\n")


class _Builder:
    """Builds plain values from libyaml's events, which, unlike its nodes, still show aliases and duplicate keys."""

    def __init__(self, file: str):
        self._file = file
        self.problems: list[Problem] = []
        self.keys: dict[Location, Position] = {}
        self.values: dict[Location, Position] = {}
        self._events: Iterator[yaml.Event] = iter(())

    def document(self, text: str) -> Any:
        self._events = yaml.parse(text, Loader=_LOADER)
        try:
            next(self._events)  # StreamStart
            if not isinstance(next(self._events), yaml.DocumentStartEvent):
                raise _RefusedError("is empty; write its keys, see docs/policy.md", _START)
            value = self._value(next(self._events), ())
            next(self._events)  # DocumentEnd
            if not isinstance(more := next(self._events), yaml.StreamEndEvent):
                raise _RefusedError(
                    "a second document begins here; keep one document per file", _position(more.start_mark)
                )
        except yaml.MarkedYAMLError as error:
            raise _syntax_fault(error, text) from None
        return value

    def _value(self, event: yaml.Event, location: Location) -> Any:
        position = self.values[location] = _position(event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _RefusedError("anchors and aliases are not allowed; write the value out", position)
        if getattr(event, "tag", None):
            raise _RefusedError("tags such as '!!name' are not allowed; write the plain value", position)
        if len(location) > DEPTH_MAX:
            raise _RefusedError(f"is nested deeper than {DEPTH_MAX} levels; see docs/policy.md for its shape", position)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(location)
        return self._mapping(location)

    def _list(self, location: Location) -> tuple[Any, ...]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*location, len(items))))
        return tuple(items)

    def _mapping(self, location: Location) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            # Reading the key as a value first refuses what no value may be either: anchors, aliases, tags.
            place = (*location, "<key>")
            self._value(event, place)
            position = self.values.pop(place)
            if not isinstance(event, yaml.ScalarEvent):
                raise _RefusedError("a key must be a single word or quoted text", position)
            key = event.value
            if key in found:
                line, _ = self.keys[*location, key]
                message = f"duplicate key '{key}', first given in line {line}; keep one of them"
                self.problems.append(Problem(self._file, *position, message))
                self._value(next(self._events), (*location, "<duplicate>"))
                continue
            self.keys[*location, key] = position
            found[key] = self._value(next(self._events), (*location, key))
        return found


def _scalar(text: str) -> str | int | Decimal | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    return text


def _position(mark: Any) -> Position:  # libyaml's Mark and PyYAML's share no type
    return (mark.line + 1, mark.column + 1) if mark else _START


def _syntax_fault(error: yaml.MarkedYAMLError, text: str) -> _RefusedError:
    reason, context = error.problem or "cannot be parsed", error.context or ""
    position = _position(error.problem_mark or error.context_mark)
    line = "".join(text.split("\n")[position[0] - 1 : position[0]])  # libyaml may point below the last one
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return _RefusedError("a tab is used for indentation; indent with spaces", position)
    if "quoted scalar" in context and "unexpected" in reason:
        return _RefusedError("the quote that opens here is never closed; close it", _position(error.context_mark))
    if "mapping values are not allowed" in reason:
        return _RefusedError("': ' is not expected here; mind the indentation, or quote a text with ': '", position)
    where = f" {context}" if context else ""
    return _RefusedError(f"is not valid YAML{where}: {reason}; check brackets, quotes and indentation here", position)
