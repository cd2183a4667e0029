"""Values of Kubernetes Secret manifests: https://kubernetes.io/docs/concepts/configuration/secret/, YAML or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway_ext.guard.catalog import SECRET
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.secrets.placeholders import is_placeholder

_MANIFEST_CHARACTERS = 4096  # before and after a value, in which its manifest says what it is
_HEADS_MAX = 8  # mentions of "data" before an entry that are looked at


class KubernetesSecretDetector(Detector):
    """What stands under `data:` or `stringData:` in a document of `kind: Secret`, entry by entry."""

    name = "kubernetes_secret"
    version = "1"
    data_class = SECRET
    # Hit at each entry of such a block, not at `kind`, because a value must lie in the passage that is confirmed.
    patterns = (
        re.compile(
            r"(?:data|stringData)[\"']?:[ \t]*\{?[ \t]*\r?\n(?:[ \t]+[^\n]*\n)*[ \t]+[\"']?[\w.-]+[\"']?:[ \t]*[\"']?[^\s\"'{|>]{4}",
            re.ASCII,
        ),
    )

    _entry = re.compile(
        r"^([ \t]+)[\"']?[\w.-]{1,253}[\"']?:[ \t]{0,8}[\"']?([^\s\"'{}|>,#][^\s\"',]{3,4095})[\"']?[ \t]*,?[ \t]*\r?$",
        re.ASCII,
    )
    _kind = re.compile(r"kind[\"']?:[ \t]{0,8}[\"']?Secret[\"']?[ \t]*,?\r?$", re.ASCII | re.MULTILINE)
    # The head of the block, and all lines from there to the entry, which are indented more.
    _block = re.compile(
        r"([ \t]*)[\"']?(?:data|stringData)[\"']?:[ \t]*\{?[ \t]*\r?\n(?:\1[ \t]+[^\n]*\n|[ \t]*(?:#[^\n]*)?\r?\n)*\Z",
        re.ASCII,
    )

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        entry = self._entry.match(text[start:end])
        if entry is None or is_placeholder(entry[2]):
            return
        low, high = _document(text, start, end)
        if self._kind.search(text, low, high) is None:
            return
        if self._is_in_block(text, low, start, len(entry[1])):
            yield Span(start + entry.start(2), start + entry.end(2), 0.9, entry[2])

    def _is_in_block(self, text: str, low: int, start: int, indent: int) -> bool:
        position = start
        for _ in range(_HEADS_MAX):
            position = max(text.rfind("data", low, position), text.rfind("stringData", low, position))
            if position < 0:
                return False
            block = self._block.match(text, text.rfind("\n", low, position) + 1, start)
            if block is not None:
                return len(block[1]) < indent
        return False


def _document(text: str, start: int, end: int) -> tuple[int, int]:
    """The YAML document around `[start, end)`, as far as it is looked at."""
    low, high = max(0, start - _MANIFEST_CHARACTERS), min(len(text), end + _MANIFEST_CHARACTERS)
    before, after = text.rfind("\n---", low, start), text.find("\n---", end, high)
    return (before if before >= 0 else low), (after if after >= 0 else high)
