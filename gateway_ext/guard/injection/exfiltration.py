"""Images whose address is to carry what the model knows: the client loads it, and the data are gone.

Markdown and HTML images with a placeholder for data in their address (OWASP LLM02; EchoLeak, CVE-2025-32711).
"""

from __future__ import annotations

from gateway_ext.guard.injection.phrases import PhraseDetector, gap

_DATA = (
    r"(?:data|secrets?|prompt|conversation|history|chat|messages?|summary|tokens?|passwords?|api[_ -]?keys?|keys?|e-?mails?|contents?"
    r"|base64|encoded|user[_ -]?(?:info|data|name|input)|info|exfil|leak|context|instructions?|credentials?)"
)
_PLACEHOLDER = rf"(?:\$?\{{\{{?|\[|<|%7b|%5b|%3c|__)[^\s)}}\]>]{{0,40}}{_DATA}"

LINKS = (
    rf"!\[[^\]\n]{{0,200}}\]\([ \t]{{0,3}}<?https?://[^\s)]{{1,300}}?[?&=/]{_PLACEHOLDER}",
    rf"<img[^>\n]{{0,100}}src\s?=\s?[\"']?https?://[^\s\"'>]{{1,200}}\?[^\s\"'>]{{1,60}}=(?:\[|<|%5b|%3c|\{{)[^\"'>]{{0,40}}{_DATA}",
    rf"(?:append|add|insert|encode|put|replace){gap(6)}(?:url|link|image|address|query|parameter|src){gap(10)}!\[",
    rf"!\[[^\]\n]{{0,200}}\]\([ \t]{{0,3}}<?https?://[^\s)]{{1,300}}\)?[^\n]{{0,120}}?(?:replac(?:e|ing)|append(?:ing)?|fill(?:ing)? in|substitut(?:e|ing)){gap(6)}{_DATA}",
)


def exfiltration_detector() -> PhraseDetector:
    return PhraseDetector("injection_exfiltration_link", "1", 0.9, LINKS)
