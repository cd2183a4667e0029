"""The end of a growing text: what is not yet decided, and what stands before it."""

from __future__ import annotations

from gateway_ext.guard.passages import BLOCK
from gateway_ext.guard.stream.openings import KUBERNETES_SECRET

CONTEXT_CHARACTERS = 96  # before what is looked at: on the line above may stand what tells its kind
MANIFEST_CHARACTERS = 4096 + 256  # as far before a Kubernetes secret may stand what it is
NEAR_CHARACTERS = 96  # no further back does a detector look past a value that has been found
_BLOCKS = 1 + -(-MANIFEST_CHARACTERS // BLOCK)  # that are remembered
_DATA = KUBERNETES_SECRET.begins


class Window:
    """Positions are counted from the beginning of the whole text; `text` is what is remembered, from `origin` on."""

    __slots__ = ("_known", "origin", "text")

    def __init__(self) -> None:
        self.text = ""
        self.origin = 0
        self._known = 0

    @property
    def end(self) -> int:
        return self.origin + len(self.text)

    def context(self, position: int) -> int:
        """From where to read so that what begins at `position` is found as it is in the whole: the start of a line, or
        of a block of a long line. Values found long before are not looked at again, for they are dear to confirm."""
        is_manifest = _DATA.search(self.text, position - self.origin) is not None
        low = position - self.origin - (MANIFEST_CHARACTERS if is_manifest else CONTEXT_CHARACTERS)
        line = self.text.rfind("\n", 0, low) + 1 if low > 0 else 0
        start = line + self.origin
        if line == 0 or low - line > BLOCK:
            start = max(self.origin, (position // BLOCK - 1) * BLOCK)
        return max(start, self._known) if self._known + NEAR_CHARACTERS <= position else start

    def since(self, position: int) -> str:
        return self.text[position - self.origin :]

    def know(self, end: int) -> None:
        """A value that ends here has been dealt with."""
        self._known = max(self._known, end)

    def forget(self, position: int) -> None:
        """Nothing before `position` will be asked about any more; some context stays."""
        origin = (position // BLOCK - _BLOCKS) * BLOCK
        if origin > self.origin:
            self.text = self.text[origin - self.origin :]
            self.origin = origin
