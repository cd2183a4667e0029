"""Secrets of a known shape, by the patterns of detect-secrets, where its rules say more than a table would.

Only the plugins' patterns and validity checks are used. Their scan function, process-wide settings, line filters and
verification (which asks providers over the network) are not: a filter that reads the whole line, be it the allow-list
pragma or "looks like a function call", would let a prompt switch detection off. Spans are taken from the patterns,
because what plugins return may be a part of the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise

from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.softlayer import SoftlayerDetector

from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.guard.detector import Detector, Span
from gateway_ext.guard.secrets.placeholders import is_made_up

LIBRARY_VERSION = f"detect-secrets {version('detect-secrets')}"

_PLUGINS: dict[str, type[RegexBasedDetector]] = {
    "cloudant_key": CloudantDetector,
    "ibm_cos_key": IbmCosHmacDetector,
    "softlayer_key": SoftlayerDetector,
}


def ascii_pattern(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """The same pattern with classes such as `\\w` limited to ASCII, as the prefilter reads them."""
    return re.compile(pattern.pattern, (pattern.flags & ~re.UNICODE) | re.ASCII)


class PluginDetector(Detector):
    """A detect-secrets plugin whose patterns decide. The value is the first group, where a pattern has one."""

    def __init__(self, name: str, plugin: type[RegexBasedDetector]) -> None:
        self.name = name
        self.version = LIBRARY_VERSION
        self.data_class = DETECTORS[name]
        self.patterns: tuple[re.Pattern[str], ...] = tuple(ascii_pattern(pattern) for pattern in plugin().denylist)

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        passage = text[start:end]
        for pattern in self.patterns:
            group = min(pattern.groups, 1)
            for match in pattern.finditer(passage):
                if not group or not is_made_up(match[group]):
                    yield Span(start + match.start(group), start + match.end(group), 0.9, match[group])


class JwtDetector(Detector):
    """JSON Web Tokens whose header and claims decode; the plugin's own pattern leaves the signature out."""

    name = "jwt"
    version = LIBRARY_VERSION
    data_class = DETECTORS["jwt"]
    patterns = (re.compile(r"eyJ[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]", re.ASCII),)

    _run = re.compile(r"eyJ[A-Za-z0-9_.=-]{1,16384}", re.ASCII)

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        position = start
        while (first := text.find("eyJ", position, end)) >= 0:
            run = self._run.match(text, first)
            if run is None:
                position = first + 3
                continue
            position = run.end()
            for offset in self._tokens(run[0]):
                token = run[0][offset:].rstrip(".")
                yield Span(first + offset, first + offset + len(token), 0.95, token)
                break

    @staticmethod
    def _tokens(run: str) -> Iterator[int]:
        """Where in dotted `run` a header and claims begin."""
        parts = run.split(".")
        offset = 0
        for header, claims in pairwise(parts):
            try:
                if header.startswith("eyJ") and JwtTokenDetector.is_formally_valid(f"{header}.{claims}"):
                    yield offset
            except RecursionError:  # JSON nested beyond reason: no header and no claims
                pass
            offset += len(header) + 1


def plugin_detectors() -> list[Detector]:
    return [*(PluginDetector(name, plugin) for name, plugin in _PLUGINS.items()), JwtDetector()]
