"""Secrets of a known shape, by the patterns of detect-secrets.

Only the plugins' patterns and validity checks are used. Their scan function, process-wide settings, line filters and
verification (which asks providers over the network) are not: a filter that reads the whole line, be it the allow-list
pragma or "looks like a function call", would let a prompt switch detection off. Spans are taken from the patterns,
because what plugins return may be a part of the token (`ghp` for a GitHub token).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise

from detect_secrets.filters import heuristic
from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.cloudant import CloudantDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.ibm_cloud_iam import IbmCloudIamDetector
from detect_secrets.plugins.ibm_cos_hmac import IbmCosHmacDetector
from detect_secrets.plugins.ip_public import IPPublicDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.softlayer import SoftlayerDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.guard.detector import Detector, Span

LIBRARY_VERSION = f"detect-secrets {version('detect-secrets')}"

# The token is the whole match, and goes on for as long as its alphabet does: providers lengthen their tokens.
_TOKENS: dict[str, type[RegexBasedDetector]] = {
    "artifactory_token": ArtifactoryDetector,
    "azure_storage_key": AzureStorageKeyDetector,
    "discord_token": DiscordBotTokenDetector,
    "github_token": GitHubTokenDetector,
    "gitlab_token": GitLabTokenDetector,
    "mailchimp_key": MailchimpDetector,
    "openai_key": OpenAIDetector,
    "pypi_token": PypiTokenDetector,
    "sendgrid_key": SendGridDetector,
    "slack_token": SlackDetector,
    "square_oauth": SquareOAuthDetector,
    "stripe_key": StripeDetector,
    "telegram_token": TelegramBotTokenDetector,
    "twilio_key": TwilioKeyDetector,
}
# The secret is the first group, where the pattern has one; the rest says what it belongs to.
_ASSIGNMENTS: dict[str, type[RegexBasedDetector]] = {
    "aws_key": AWSKeyDetector,
    "basic_auth": BasicAuthDetector,
    "cloudant_key": CloudantDetector,
    "ibm_cloud_key": IbmCloudIamDetector,
    "ibm_cos_key": IbmCosHmacDetector,
    "ip_public": IPPublicDetector,
    "npm_token": NpmDetector,
    "softlayer_key": SoftlayerDetector,
}

_REST_OF_TOKEN = re.compile(r"[A-Za-z0-9_-]{0,16384}={0,2}")
_OPENING, _CLOSING = " \t\r\n\"'=:", "\"',;"
_SPACE = re.compile(r"\s")


def ascii_pattern(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """The same pattern with classes such as `\\w` limited to ASCII, as the prefilter reads them."""
    return re.compile(pattern.pattern, (pattern.flags & ~re.UNICODE) | re.ASCII)


class TokenDetector(Detector):
    """A detect-secrets plugin whose patterns decide alone."""

    def __init__(self, name: str, plugin: type[RegexBasedDetector], *, is_assignment: bool) -> None:
        self.name = name
        self.version = LIBRARY_VERSION
        self.data_class = DETECTORS[name]
        self.patterns = tuple(ascii_pattern(pattern) for pattern in plugin().denylist)
        self._is_assignment = is_assignment

    def confirm(self, text: str, start: int, end: int) -> Iterator[Span]:
        passage = text[start:end]
        for pattern in self.patterns:
            group = 1 if self._is_assignment and pattern.groups else 0
            for match in pattern.finditer(passage):
                if group and _is_placeholder(match[group]):
                    continue
                first, last = _trimmed(passage, *match.span(group))
                if not group:
                    last = _end_of_token(text, start + last) - start
                yield Span(start + first, start + last, 0.9, text[start + first : start + last])


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


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """`[start, end)` without delimiters, or further words of the line, that a pattern took along."""
    while start < end and text[start] in _OPENING:
        start += 1
    space = _SPACE.search(text, start, end)
    end = space.start() if space else end
    while end > start and text[end - 1] in _CLOSING:
        end -= 1
    return start, end


def _end_of_token(text: str, position: int) -> int:
    rest = _REST_OF_TOKEN.match(text, position)
    return rest.end() if rest else position


def _is_placeholder(value: str) -> bool:
    """What stands where a secret would: `${PASSWORD}`, `<password>`, `$PASSWORD`, `12345…` as an alphabet."""
    return bool(
        heuristic.is_templated_secret(value)
        or heuristic.is_prefixed_with_dollar_sign(value)
        or heuristic.is_sequential_string(value)
    )


def token_detectors() -> list[Detector]:
    return [
        *(TokenDetector(name, plugin, is_assignment=False) for name, plugin in _TOKENS.items()),
        *(TokenDetector(name, plugin, is_assignment=True) for name, plugin in _ASSIGNMENTS.items()),
        JwtDetector(),
    ]
