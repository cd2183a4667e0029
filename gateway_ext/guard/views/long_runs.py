"""Long runs of letters and digits: most are hashes and identifiers, which a look at each tells from text in disguise."""

from __future__ import annotations

import re

from gateway_ext.guard.views import base64_runs, hexadecimal
from gateway_ext.guard.views.signs import Hint

RUNS_MAX = 64  # of different runs; more are left to the search for signs
_CHARACTERS_MAX = 128
_LONG = 16

_begins = Hint(f"(?:^|[^A-Za-z0-9])[A-Za-z0-9]{{{_LONG}}}", is_single=False)
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
_REST = re.compile(rb"[A-Za-z0-9+/_-]*")
_HEXADECIMAL = re.compile(f"[0-9A-Fa-f]{{{_LONG},}}")


def may_hold_text(data: bytes) -> bool:
    """Whether a long run in a text, given in UTF-8, may be text in base64 or in hexadecimal digits."""
    places = _begins.places(data)
    if not places:
        return False
    if len(places) > RUNS_MAX * 16:
        return True
    runs = {_run_at(data, end - _LONG) for _, end in places}
    return len(runs) > RUNS_MAX or any(map(_has_text, runs))


def _run_at(data: bytes, start: int) -> bytes:
    """The run of characters of base64 around the one at `start`, or more than _CHARACTERS_MAX of it."""
    low = max(0, start - _CHARACTERS_MAX)
    while start > low and data[start - 1] in _BASE64:
        start -= 1
    rest = _REST.match(data, start, start + _CHARACTERS_MAX + 1)
    return rest[0] if rest else b""


def _has_text(run: bytes) -> bool:
    if len(run) > _CHARACTERS_MAX:
        return True
    text = run.decode("ascii")
    if _HEXADECIMAL.fullmatch(text):  # as base64 every third character is one of `ikmoqsuwy`: no value, no phrase
        return hexadecimal.has_text(text)
    return any(map(hexadecimal.has_text, _HEXADECIMAL.findall(text))) or base64_runs.has_text(text)
