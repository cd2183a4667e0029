"""Every text of a request that the Guard must see: all strings, wherever they are, and the keys their caller chose."""

from __future__ import annotations

from typing import Any

from gateway_ext import limits
from gateway_ext.dialects.embedded_json import escaped_strings, may_hide_text
from gateway_ext.dialects.vocabulary import Vocabulary
from gateway_ext.errors import BodyInvalid
from gateway_ext.exchange import Text

Pointer = tuple[str | int, ...]
_Container = tuple[Pointer, str, str, Any]
"""Pointer, place and role of an object or list, and the thing itself."""

_NO_WORDS: frozenset[str] = frozenset()
_READABLE = frozenset({str, dict, list})


def texts_of(document: dict[str, Any], vocabulary: Vocabulary) -> tuple[Text, ...]:
    """The texts in a stable order: messages as they come; of each object or list its own texts, then those below.

    Not among them are the model's name and the words of `vocabulary`. The pointer of a string inside a string (see
    embedded_json.py) is that of the outer string and the offset of the inner one in it.
    Raises BodyInvalid past the limits.
    """
    reader = _Reader(vocabulary)
    pending: list[_Container] = [((), "", "", document)]
    while pending:
        pointer, place, role, container = pending.pop()
        if type(container) is dict:
            below = reader.read_object(pointer, place, role, container)
        else:
            below = reader.read_list(pointer, place, role, container)
        pending += reversed(below)
    return tuple(reader.texts)


class TextCollector:
    """Texts within the limits, each followed by those inside it."""

    __slots__ = ("_escapes", "texts")

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self._escapes = 0

    def add(self, text: Text) -> None:
        if len(self.texts) == limits.PROMPT_TEXTS_MAX:
            raise BodyInvalid("The request has too many texts.")
        self.texts.append(text)

    def add_with_embedded(self, text: Text) -> None:
        """Add a text, the strings inside it, those inside them, and so on."""
        self.add(text)
        if not may_hide_text(text.value):
            return
        carriers = [text]
        for _ in range(limits.EMBEDDED_LEVELS_MAX):
            if not carriers:
                return
            first = len(self.texts)
            for carrier in carriers:
                self._add_embedded(carrier)
            carriers = [inner for inner in self.texts[first:] if may_hide_text(inner.value)]
        if carriers:
            raise BodyInvalid("The request has JSON inside strings inside JSON, nested too deeply.")

    def _add_embedded(self, carrier: Text) -> None:
        self._escapes += carrier.value.count("\\")
        if self._escapes > limits.EMBEDDED_ESCAPES_MAX:
            raise BodyInvalid("The request has too many escapes in JSON inside strings.")
        for offset, inner in escaped_strings(carrier.value):
            if inner:
                self.add(Text((*carrier.pointer, offset), f"{carrier.place}/*", carrier.role, inner))


class _Reader(TextCollector):
    """Reading a container returns the containers in it, still to be read."""

    __slots__ = ("_vocabulary",)

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._vocabulary = vocabulary

    def read_object(self, pointer: Pointer, place: str, inherited: str, members: dict[str, Any]) -> list[_Container]:
        below: list[_Container] = []
        vocabulary = self._vocabulary
        keys, words = vocabulary.keys, vocabulary.values
        own_role = role = self._role(members, inherited)
        for key, value in members.items():
            if not pointer:
                role = vocabulary.role_of_field.get(key, own_role)
            child_place = f"{place}/{key}" if key in keys else f"{place}/*"
            if key not in keys:
                self.add(Text((*pointer, key), child_place, role, key, is_key=True))
            kind = type(value)
            if kind is str:
                is_word = value in words.get(key, _NO_WORDS) or (key == "model" and not pointer)
                if value and not is_word:
                    self.add_with_embedded(Text((*pointer, key), child_place, role, value))
            elif kind is dict or kind is list:
                below.append(((*pointer, key), child_place, role, value))
        return below

    def read_list(self, pointer: Pointer, place: str, role: str, items: list[Any]) -> list[_Container]:
        below: list[_Container] = []
        if _READABLE.isdisjoint(map(type, items)):  # token ids come by the hundred thousand
            return below
        for index, value in enumerate(items):
            if type(value) is str:
                if value:
                    self.add_with_embedded(Text((*pointer, index), f"{place}/{index}", role, value))
            elif type(value) is dict or type(value) is list:
                below.append(((*pointer, index), f"{place}/{index}", role, value))
        return below

    def _role(self, members: dict[str, Any], inherited: str) -> str:
        role, kind = members.get("role"), members.get("type")
        if type(role) is str and role in self._vocabulary.roles:
            return role
        return self._vocabulary.role_of_type.get(kind, inherited) if type(kind) is str else inherited
