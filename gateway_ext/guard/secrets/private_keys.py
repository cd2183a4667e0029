"""Private keys in PEM (RFC 7468, RFC 1421), OpenSSH's and OpenPGP's armor (RFC 9580), SSH2 (RFC 4716) and PuTTY's format.

A key is taken from its first line to its last. The first line alone, as in a question about keys, is no secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.catalog import SECRET
from gateway_ext.guard.detector import Detector, Span

KEY_CHARACTERS_MAX = 32 * 1024  # a 16384-bit RSA key takes 13 KB

_FIRST_LINE = r"BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?|PuTTY-User-Key-File-[0-9]"
_LAST_LINE = re.compile(
    r"-{4,5} ?END (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}|Private-(?:MAC|Hash): *[0-9a-f]{1,64}",
    re.ASCII,
)
# Line ends may be escaped, once or twice, and lines quoted or indented.
_GAP = r"(?:\s|\\{1,2}[nrt]|[\"'+>|#,]){0,16}"
# Between the first line and the key stand headers: `Proc-Type: 4,ENCRYPTED`, `Version: …`, `Public-Lines: 6`.
_HEAD = re.compile(
    rf"(?:: [^\n\\]{{0,64}}| ?-{{0,5}})(?:{_GAP}[A-Za-z][A-Za-z0-9-]{{1,24}}:[^\n\\]{{0,120}}(?=\n|\r|\\)){{0,6}}",
    re.ASCII,
)
_BODY = re.compile(rf"(?:{_GAP}[A-Za-z0-9+/=]{{16,}}){{1,2000}}(?:{_GAP}[A-Za-z0-9+/]{{1,14}}={{1,2}})?", re.ASCII)


class PrivateKeyDetector(Detector):
    name = "private_key"
    version = "2"
    data_class = SECRET
    patterns = (re.compile(_FIRST_LINE, re.ASCII),)

    _first_line = re.compile(rf"(?:-{{4,5}} ?)?(?:{_FIRST_LINE})", re.ASCII)

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        for match in self._first_line.finditer(text, start, end):
            last = self._end_of_key(text, match.end())
            if last is not None:
                yield Span(match.start(), last, 0.99, text[match.start() : last])

    def _end_of_key(self, text: str, position: int) -> int | None:
        """Where the key ends whose first line ends at `position`; None when none follows, or not before the next one."""
        limit = min(len(text), position + KEY_CHARACTERS_MAX)
        following = self._first_line.search(text, position, limit)
        limit = following.start() if following else limit
        head = _HEAD.match(text, position, limit)
        body = _BODY.match(text, head.end() if head else position, limit)
        if body is None:
            return None
        last_line = _LAST_LINE.search(text, body.start(), limit)
        return last_line.end() if last_line else body.end()
