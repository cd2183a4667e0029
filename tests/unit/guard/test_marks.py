"""Findings about a text as such: an attachment that cannot be read, or that is not here."""

from __future__ import annotations

import pytest

from gateway_ext.attachments.names import FILE_ID, NAMES, REMOTE, UNREADABLE
from gateway_ext.exchange import Text
from gateway_ext.guard.engine import GuardEngine
from gateway_ext.guard.rules import Action, DetectorRule, GuardRules
from gateway_ext.verdict import Allow, Deny, requires_sovereign_route

IBAN = "DE89 3704 0044 0532 0130 00"
POINTER = ("messages", 0, "content", 0, "file", "file_data")


def rules(**detectors: DetectorRule) -> GuardRules:
    classes = {"personal": DetectorRule(Action.REDACT), "confidential": DetectorRule(Action.LOG)}
    return GuardRules(classes=classes, detectors=detectors, deadline_seconds=5.0)


def mark(name: str, value: str = "image/png") -> Text:
    return Text(POINTER, "/messages/0/content/0/file/file_data", "user", value, is_key=True, mark=name)


@pytest.mark.parametrize("name", NAMES)
async def test_a_mark_is_a_finding_where_it_stands(guard: GuardEngine, name: str) -> None:
    plain = Text(("messages", 0, "content"), "/messages/0/content", "user", "hello")
    verdict = await guard.inspect([plain, mark(name)], rules())
    assert isinstance(verdict, Allow)
    (finding,) = verdict.findings
    assert (finding.detector, finding.data_class, finding.text_index) == (name, "confidential", 1)
    assert (finding.place, finding.role, finding.action) == ("/messages/0/content/0/file/file_data", "user", "log")


async def test_policy_decides_about_marks(guard: GuardEngine) -> None:
    block = await guard.inspect([mark(UNREADABLE)], rules(attachment_unreadable=DetectorRule(Action.BLOCK)))
    assert isinstance(block, Deny)
    assert block.reason == "blocked: attachment_unreadable"
    redact = await guard.inspect([mark(REMOTE)], rules(attachment_remote=DetectorRule(Action.REDACT)))
    assert isinstance(redact, Deny)  # there is nothing to redact in place
    sovereign = await guard.inspect([mark(FILE_ID)], rules(attachment_file_id=DetectorRule(Action.LOG, sovereign=True)))
    assert requires_sovereign_route(sovereign)
    off = await guard.inspect(
        [mark(UNREADABLE)], rules(attachment_unreadable=DetectorRule(Action.BLOCK, is_enabled=False))
    )
    assert off == Allow()


async def test_the_value_of_a_mark_can_be_allowed_and_is_not_searched(guard: GuardEngine) -> None:
    first = await guard.inspect([mark(REMOTE, IBAN)], rules())
    (finding,) = first.findings
    other = await guard.inspect([mark(REMOTE, "files.example.org")], rules())
    assert other.findings[0].fingerprint != finding.fingerprint
    allowed = GuardRules(
        classes={},
        detectors={},
        deadline_seconds=5.0,
        allowed=frozenset({(REMOTE, finding.fingerprint)}),
    )
    assert isinstance(await guard.inspect([mark(REMOTE, IBAN)], allowed), Allow)
    assert isinstance(await guard.inspect([mark(REMOTE, "files.example.org")], allowed), Deny)


async def test_what_was_read_in_an_attachment_is_denied_where_it_would_be_redacted(guard: GuardEngine) -> None:
    text = Text(POINTER, "/messages/0/content/0/file/file_data#text", "user", IBAN, is_key=True)
    verdict = await guard.inspect([text], rules())
    assert isinstance(verdict, Deny)
    assert verdict.findings[0].place.endswith("#text")
