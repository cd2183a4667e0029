"""Cursors of pages: opaque to whoever holds them, and refused where they could skip or repeat an entry."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from enum import StrEnum

from gateway_ext.errors import ConfigurationError

_FORM = struct.Struct(">c8sqq")
_FORMS_VERSION = "1"


class Direction(StrEnum):
    OLDER = "o"
    NEWER = "n"


@dataclass(frozen=True, slots=True)
class Position:
    """Behind the entry `number` of that time, in a direction. Without a time: behind none, at the very beginning of it."""

    direction: Direction = Direction.OLDER
    time_unix_nano: int | None = None
    number: int = 0


def write_cursor(position: Position, generation: str) -> str:
    """`generation`: 16 hexadecimal digits."""
    assert position.time_unix_nano is not None
    packed = _FORM.pack(
        position.direction.encode(), bytes.fromhex(generation), position.time_unix_nano, position.number
    )
    return _FORMS_VERSION + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def read_cursor(text: str, generation: str) -> Position:
    """Raises ConfigurationError for what is no cursor, or one of another generation of the index."""
    try:
        if not text.startswith(_FORMS_VERSION):
            raise ValueError
        body = text.removeprefix(_FORMS_VERSION)
        direction, of, time_unix_nano, number = _FORM.unpack(
            base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        )
        position = Position(Direction(direction.decode("ascii")), time_unix_nano, number)
    except (ValueError, struct.error):
        raise ConfigurationError("this is no cursor of a search; give one as it was printed") from None
    if of.hex() != generation:
        raise ConfigurationError("the index was made anew since this cursor was printed; search again without it")
    return position
