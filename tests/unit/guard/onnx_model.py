"""A classifier of three words, written as ONNX without the library for it: fields of onnx.proto by their numbers."""

from __future__ import annotations

import json
import struct
from pathlib import Path

_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_INTS = 7  # AttributeProto.AttributeType

VOCABULARY = {"[UNK]": 0, "ignore": 1, "hello": 2}
LOGITS = ((0.0, 0.0), (-3.0, 3.0), (2.0, -2.0))  # of each word; those of a text are the sums


def write(directory: Path) -> None:
    """`model.onnx` and `tokenizer.json`."""
    (directory / "model.onnx").write_bytes(_model())
    model = {"type": "WordLevel", "vocab": VOCABULARY, "unk_token": "[UNK]"}
    tokenizer = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"}, "model": model}
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer))


def _model() -> bytes:
    table = [number for row in LOGITS for number in row]
    embedding = (
        _field(1, len(LOGITS))
        + _field(1, 2)
        + _field(2, _FLOAT)
        + _field(8, b"table")
        + _field(9, struct.pack("<6f", *table))
    )
    gather = _field(1, b"table") + _field(1, b"input_ids") + _field(2, b"words") + _field(4, b"Gather")
    axes = _field(1, b"axes") + _field(8, 1) + _field(20, _INTS)
    keep = _field(1, b"keepdims") + _field(3, 0) + _field(20, 2)
    add = _field(1, b"words") + _field(2, b"logits") + _field(4, b"ReduceSum") + _field(5, axes) + _field(5, keep)
    graph = (
        _field(1, gather)
        + _field(1, add)
        + _field(2, b"words")
        + _field(5, embedding)
        + _field(11, _tensor(b"input_ids", _INT64, "n"))
        + _field(12, _tensor(b"logits", _FLOAT, 2))
    )
    return _field(1, 7) + _field(7, graph) + _field(8, _field(1, b"") + _field(2, 11))


def _tensor(name: bytes, element: int, length: int | str) -> bytes:
    """One row of `length` columns."""
    columns = _field(1, length) if isinstance(length, int) else _field(2, length.encode())
    shape = _field(1, _field(1, 1)) + _field(1, columns)
    return _field(1, name) + _field(2, _field(1, _field(1, element) + _field(2, shape)))


def _field(number: int, value: int | bytes) -> bytes:
    """Of a protobuf message: a number below 128, or bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    return bytes((value & 0x7F | 0x80,)) + _varint(value >> 7)
