"""The objects of a PDF file (ISO 32000-1, 7.2 to 7.5), found by reading the file from its begin to its end.

Cross-reference tables are not followed: they may lie, point in circles, or be missing, and a file is read as well without.
Of objects given twice the last counts, as with an incremental update; replaced pages are read as well.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from gateway_ext.attachments.bounds import Bounds, Unreadable

_SPACE = rb"\0\t\n\f\r "
_REGULAR = rb"[^" + _SPACE + rb"()<>\[\]{}/%]"
_TOKEN = re.compile(
    rb"(?:[" + _SPACE + rb"]+|%[^\r\n]*)*+(?:(<<|>>|[\[\]{}])|/(" + _REGULAR + rb"*)|<([0-9A-Fa-f" + _SPACE + rb"]*)>"
    rb"|([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))|(\()|(" + _REGULAR + rb"+)|(.))",
    re.DOTALL,
)
_REFERENCE = re.compile(rb"[" + _SPACE + rb"]+[0-9]{1,5}[" + _SPACE + rb"]+R(?!" + _REGULAR + rb")")
_PARENTHESIS = re.compile(rb"[()\\]")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b"", b"\r\n": b""}
_NAME_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_OBJECT = re.compile(rb"([0-9]{1,9})[" + _SPACE + rb"]{1,8}[0-9]{1,5}[" + _SPACE + rb"]{1,8}\Z")  # before `obj`
_OBJECT_BYTES_MAX = 32
_STREAM = re.compile(rb"[" + _SPACE + rb"]*stream(?:\r\n|\n|\r)")
_STREAM_END = re.compile(rb"[" + _SPACE + rb"]*endstream")
_ENCRYPTED = re.compile(rb"/Encrypt[" + _SPACE + rb"]*(?:<<|[0-9]+[" + _SPACE + rb"]+[0-9]+[" + _SPACE + rb"]+R)")

_DIGITS = re.compile(rb"[0-9]{1,9}")

_DEPTH_MAX = 64
_OBJECTS_MAX = 200_000
_TOKENS_PER_CHECK = 1_000
_INFLATED_AT_ONCE_BYTES = 256 * 1024


class Name(str):
    __slots__ = ()


class Operator(str):
    __slots__ = ()


class Reference(NamedTuple):
    number: int


@dataclass(frozen=True, slots=True)
class Stream:
    entries: Mapping[str, Any]
    data: bytes = field(repr=False)  # encoded


class Lexer:
    """Reads values one by one; in content streams, which have no references, operators as well.

    Any method raises Unreadable when the time of `bounds` is up.
    """

    __slots__ = ("_bounds", "_data", "_tokens", "position")

    def __init__(self, data: bytes, bounds: Bounds, position: int = 0) -> None:
        self._data = data
        self._bounds = bounds
        self._tokens = 0
        self.position = position

    def value(self, depth: int = 0) -> Any:
        """The next value; Operator for anything that is none, an empty one at the end. Raises Unreadable if too deep."""
        self._count()
        token = _TOKEN.match(self._data, self.position)
        if token is None:
            self.position = len(self._data)
            return Operator("")
        self.position = token.end()
        mark, name, digits, number, string, word, other = token.groups()
        if number is not None:
            return self._number(number)
        if word is not None:
            return Operator(word.decode("latin-1"))
        if name is not None:
            return Name(_NAME_ESCAPE.sub(lambda code: bytes.fromhex(code[1].decode()), name).decode("latin-1"))
        if string is not None:
            return self._string()
        if digits is not None:
            compact = b"".join(digits.translate(None, b"\0").split())
            return binascii.unhexlify(compact + b"0" * (len(compact) % 2))
        if mark in (b"<<", b"["):
            if depth > _DEPTH_MAX:
                raise Unreadable("application/pdf; depth", "a PDF nested too deeply; save its text as .txt")
            items = list(self._until(b">>" if mark == b"<<" else b"]", depth))
            return _dictionary(items) if mark == b"<<" else items
        return Operator((mark or other).decode("latin-1"))

    def _count(self) -> None:
        self._tokens += 1
        if self._tokens % _TOKENS_PER_CHECK == 0:
            self._bounds.charge_time()

    def _until(self, end: bytes, depth: int) -> Iterator[Any]:
        while self.position < len(self._data):
            token = _TOKEN.match(self._data, self.position)
            if token is None or token[6] in (b"endobj", b"stream"):
                return  # never closed
            if token[1] == end:
                self.position = token.end()
                return
            yield self.value(depth + 1)

    def _number(self, digits: bytes) -> int | float | Reference:
        if digits.isdigit() and (reference := _REFERENCE.match(self._data, self.position)):
            self.position = reference.end()
            return Reference(int(digits[:9]))
        return int(digits[:12]) if digits.lstrip(b"+-").isdigit() else float(digits[:24])

    def _string(self) -> bytes:
        start, depth = self.position, 1
        position = start
        while depth and (found := _PARENTHESIS.search(self._data, position)):
            self._count()
            position = found.end()
            if found[0] == b"\\":
                position += 1
            else:
                depth += 1 if found[0] == b"(" else -1
        self.position = position if not depth else len(self._data)
        return _ESCAPE.sub(_unescaped, self._data[start : self.position - (not depth)])


def _dictionary(items: list[Any]) -> dict[str, Any]:
    return {key: value for key, value in zip(items[::2], items[1::2], strict=False) if isinstance(key, Name)}


def _unescaped(escape: re.Match[bytes]) -> bytes:
    code = escape[1]
    return bytes([int(code, 8) & 0xFF]) if code[:1] in b"01234567" else _ESCAPED.get(code, code)


class Objects:
    """All objects of a file. Raises Unreadable for a file that is encrypted or beyond the bounds."""

    def __init__(self, data: bytes, bounds: Bounds) -> None:
        self.bounds = bounds
        self._objects: dict[int, Any] = {}
        if _ENCRYPTED.search(data):
            raise Unreadable("application/pdf; encrypted", "an encrypted PDF; save it again without a password")
        self._read(data)
        for stream in [each for each in self._objects.values() if isinstance(each, Stream)]:
            if stream.entries.get("Type") == "ObjStm":
                self._unpack(stream)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._objects.values())

    def get(self, value: Any) -> Any:
        """What `value` is or refers to; None for a reference to nothing."""
        return self._objects.get(value.number) if isinstance(value, Reference) else value

    def entries(self, value: Any) -> Mapping[str, Any]:
        """The dictionary that `value` is, has or refers to; an empty one if it is anything else."""
        value = self.get(value)
        if isinstance(value, Stream):
            return value.entries
        return value if isinstance(value, dict) else {}

    def decoded(self, stream: Stream) -> bytes:
        """The bytes of a stream without its filters (7.4). Raises Unreadable for a filter that is not known."""
        filters, parameters = self.get(stream.entries.get("Filter")), self.get(stream.entries.get("DecodeParms"))
        data = stream.data
        for each in filters if isinstance(filters, list) else [filters] if filters else []:
            data = self._unfiltered(str(self.get(each)), data)
        for each in parameters if isinstance(parameters, list) else [parameters]:
            if self.entries(each).get("Predictor", 1) != 1:
                raise _unknown_filter()
        return data

    def _read(self, data: bytes) -> None:
        position = 0
        while (keyword := data.find(b"obj", position)) >= 0:
            self.bounds.charge_time()
            position = keyword + len(b"obj")
            head = _OBJECT.search(data[max(0, keyword - _OBJECT_BYTES_MAX) : keyword])
            if head is None:  # `endobj`, or anything
                continue
            lexer = Lexer(data, self.bounds, position)
            value = lexer.value()
            position = max(lexer.position, position)
            if isinstance(value, dict) and (begin := _STREAM.match(data, position)):
                position = self._stream_end(data, begin.end(), value.get("Length"))
                value = Stream(value, data[begin.end() : position])
            self._put(int(head[1]), value)

    @staticmethod
    def _stream_end(data: bytes, start: int, length: object) -> int:
        if isinstance(length, int) and 0 <= length <= len(data) - start and _STREAM_END.match(data, start + length):
            return start + length
        end = data.find(b"endstream", start)
        return end if end >= 0 else len(data)

    def _unpack(self, stream: Stream) -> None:
        data = self.decoded(stream)
        first, count = stream.entries.get("First"), stream.entries.get("N")
        if not isinstance(first, int) or not isinstance(count, int):
            return
        digits = islice(_DIGITS.finditer(data, 0, first), 2 * min(max(0, count), _OBJECTS_MAX))
        heads = [int(each[0]) for each in digits]
        for number, offset in zip(heads[::2], heads[1::2], strict=False):
            self.bounds.charge_time()
            self._put(number, Lexer(data, self.bounds, first + offset).value())

    def _put(self, number: int, value: Any) -> None:
        if len(self._objects) >= _OBJECTS_MAX:
            raise Unreadable("application/pdf; objects", "a PDF of too many objects; save its text as .txt")
        if number in self._objects:
            self._objects[-1 - len(self._objects)] = self._objects[number]  # nothing refers to it, but it is there
        self._objects[number] = value

    def _unfiltered(self, name: str, data: bytes) -> bytes:
        try:
            match name:
                case "FlateDecode" | "Fl":
                    return self._inflated(data)
                case "ASCIIHexDecode" | "AHx":
                    digits = b"".join(data.partition(b">")[0].split())
                    return binascii.unhexlify(digits + b"0" * (len(digits) % 2))
                case "ASCII85Decode" | "A85":
                    return base64.a85decode(data.partition(b"~>")[0].strip())
        except (ValueError, zlib.error):
            raise Unreadable("application/pdf; damaged", "a damaged PDF; save its text as .txt") from None
        raise _unknown_filter()

    def _inflated(self, data: bytes) -> bytes:
        """What can be inflated: of streams cut short or with a wrong checksum, as they occur, the begin."""
        inflater = zlib.decompressobj()
        pieces: list[bytes] = []
        try:
            while data and not inflater.eof:
                pieces.append(inflater.decompress(data, _INFLATED_AT_ONCE_BYTES))
                data = inflater.unconsumed_tail
                self.bounds.charge_unpacked(len(pieces[-1]))
        except zlib.error:
            if not any(pieces):
                raise
        return b"".join(pieces)


def _unknown_filter() -> Unreadable:
    return Unreadable("application/pdf; filter", "a PDF packed in an unusual way; save its text as .txt")
