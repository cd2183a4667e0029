"""The fields of a request that is translated: each is taken, left out on purpose, or refused. None goes unseen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from gateway_ext.dialects.anthropic_schema import ANTHROPIC
from gateway_ext.dialects.openai_schema import OPENAI
from gateway_ext.errors import NotTranslatable

_KNOWN = OPENAI.keys | ANTHROPIC.keys
"""Fields that mean something in some dialect. None is kept as unknown: it might slip past what was decided by another name."""


@dataclass(frozen=True, slots=True)
class Reader:
    """`keeps_unknown`: what to do with fields that no dialect knows."""

    keeps_unknown: bool

    def object(self, value: Any, place: str) -> Members:
        if not isinstance(value, dict):
            raise NotTranslatable(place, "it must be an object")
        return Members(value, place, self)

    def objects(self, value: Any, place: str) -> Iterator[Members]:
        """Those of a list, in order; none for null."""
        if value is None:
            return
        if not isinstance(value, list):
            raise NotTranslatable(place, "it must be a list")
        for index, item in enumerate(value):
            yield self.object(item, f"{place}[{index}]")


class Members:
    """One object of the request. Null is as good as absent. Every method raises NotTranslatable, naming the field."""

    __slots__ = ("_left", "place", "reader")

    def __init__(self, members: Mapping[str, Any], place: str, reader: Reader) -> None:
        self._left = dict(members)
        self.reader = reader
        self.place = place

    def at(self, name: str) -> str:
        """Where a field of this object is, as errors tell it."""
        return f"{self.place}.{name}" if self.place else name

    def take(self, name: str) -> Any:
        return self._left.pop(name, None)

    def given(self, *names: str) -> dict[str, Any]:
        """Those of the fields that are there, as they are."""
        return {name: value for name in names if (value := self.take(name)) is not None}

    def text(self, name: str) -> str:
        """A string that must be there."""
        value = self.optional_text(name)
        if value is None:
            raise NotTranslatable(self.at(name), "it must be a string")
        return value

    def optional_text(self, name: str) -> str | None:
        value = self.take(name)
        if value is not None and not isinstance(value, str):
            raise NotTranslatable(self.at(name), "it must be a string")
        return value

    def flag(self, name: str) -> bool:
        """Absent is false."""
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            raise NotTranslatable(self.at(name), "it must be true or false")
        return value is True

    def mapping(self, name: str) -> dict[str, Any] | None:
        """An object whose members are not the dialect's but the caller's own, such as a JSON schema."""
        value = self.take(name)
        if value is not None and not isinstance(value, dict):
            raise NotTranslatable(self.at(name), "it must be an object")
        return value

    def object(self, name: str) -> Members:
        """An object that must be there."""
        return self.reader.object(self.take(name), self.at(name))

    def optional_object(self, name: str) -> Members | None:
        value = self.take(name)
        return None if value is None else self.reader.object(value, self.at(name))

    def objects(self, name: str) -> Iterator[Members]:
        return self.reader.objects(self.take(name), self.at(name))

    def content(self, name: str) -> Iterator[Members]:
        """The parts of a message: a string is short for one part of text, in every dialect."""
        value = self.take(name)
        whole = [{"type": "text", "text": value}] if isinstance(value, str) else value
        return self.reader.objects(whole, self.at(name))

    def only(self, name: str, *harmless: Any) -> None:
        """Leave a field out that says no more than its absence does; refuse any other value of it."""
        value = self.take(name)
        if value is not None and value not in harmless:
            self.refuse(name)

    def leave_out(self, *names: str) -> None:
        """Fields that have no effect on what the answer says; docs/dialects.md lists them."""
        for name in names:
            self._left.pop(name, None)

    def refuse(self, name: str, hint: str = "") -> NoReturn:
        raise NotTranslatable(self.at(name), hint)

    def onto(self, translated: Mapping[str, Any]) -> dict[str, Any]:
        """`translated` and what is left of this object, which no dialect knows: kept as it is, or refused.

        A name that the caller made up is not repeated: the error names the object it is in.
        """
        kept = {name: value for name, value in self._left.items() if value is not None}
        for name in kept:
            if (known := name.casefold()) in _KNOWN:
                self.refuse(known)
        if kept and not self.reader.keeps_unknown:
            raise NotTranslatable(self.place or "request", "it has a field that no dialect knows")
        return {**translated, **kept}

    def end(self) -> None:
        """Of an object that has no counterpart of its own: whatever is left has nowhere to go, so it is refused."""
        if self.onto({}):
            raise NotTranslatable(self.place, "a field that no dialect knows has no place in the provider's")
