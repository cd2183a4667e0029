"""Lists in pages: by the key of the last item that was seen, not by counting, so that additions shift nothing. Pure.

A cursor is opaque to clients: base64url of that key as a JSON array. It tells nothing that the page did not, and one that
somebody makes up is only another place to begin at.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query

from gateway_ext.console.problems import FieldError, Invalid

LIMIT_DEFAULT = 50
LIMIT_MAX = 200
_CURSOR_CHARACTERS_MAX = 2_000

Key = tuple[str | int, ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which page is asked for: at most `limit` items after the one with the key `after`; None = from the beginning."""

    limit: int = LIMIT_DEFAULT
    after: Key | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`next` is the cursor of the page after this one; None: there was none when it was asked for."""

    items: tuple[T, ...]
    next: str | None


def wanted(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Items on a page.")] = LIMIT_DEFAULT,
    cursor: Annotated[
        str | None, Query(max_length=_CURSOR_CHARACTERS_MAX, description="`next` of the page before.")
    ] = None,
) -> Wanted:
    """Of the query. Raises Invalid for what is no cursor of ours."""
    return Wanted(limit, None if cursor is None else read_cursor(cursor))


PageWanted = Annotated[Wanted, Depends(wanted)]


def page_of(items: Iterable[T], key: Callable[[T], Key], asked: Wanted) -> Page[T]:
    """The page of `items`, in the order of their keys, which are all of one shape."""
    try:
        rest = sorted((each for each in items if asked.after is None or key(each) > asked.after), key=key)
    except TypeError:  # a cursor of another list
        raise no_cursor() from None
    shown = tuple(rest[: asked.limit])
    return Page(shown, write_cursor(key(shown[-1])) if len(rest) > len(shown) else None)


def write_cursor(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).rstrip(b"=").decode()


def read_cursor(cursor: str) -> Key:
    """Raises Invalid."""
    try:
        found = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise no_cursor() from None
    if not isinstance(found, list) or not all(type(each) in (str, int) for each in found):
        raise no_cursor()
    return tuple(found)


def link(path: str, query: Mapping[str, str], cursor: str | None) -> dict[str, str]:
    """The field that leads to the next page (RFC 8288); none on the last one. `query` is that of this page."""
    return {} if cursor is None else {"Link": f'<{path}?{urlencode({**query, "cursor": cursor})}>; rel="next"'}


def no_cursor() -> Invalid:
    """Of this list. To be raised."""
    return Invalid(errors=[FieldError("cursor", "Give 'next' of a page of this list, or nothing for the first one.")])
