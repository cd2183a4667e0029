"""Requests with attachments on their way through the whole pipeline."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.exchange import Forward
from gateway_ext.guard.rules import Action, DetectorRule
from gateway_ext.limits import IMAGE_TOKENS_MAX
from gateway_ext.response.forwarded import Forwarded
from tests.unit.attachments.documents import PNG, docx, paragraph
from tests.unit.pipeline_world import IBAN, World, code

DOCUMENT = base64.b64encode(docx(paragraph(f"Account {IBAN}"))).decode()
IMAGE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.ledger.open()
    made.change_guard(deadline_seconds=30.0, detector_deadline_seconds=30.0)  # what is tested is not speed
    yield made
    await made.ledger.close()


def file(data: str) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": data, "filename": "contract.docx"}}


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def with_rule(world: World, name: str, rule: DetectorRule) -> None:
    world.change_guard(detectors={**world.policy.snapshot.guard.request.detectors, name: rule})


def sent(answer: object) -> Forward:
    assert isinstance(answer, Forwarded)
    return answer.forward


async def test_what_a_document_says_is_found_and_the_document_goes_out_as_it_came(world: World) -> None:
    forward = sent(await world.send([file(DOCUMENT)]))
    assert forward.body is None or json.loads(forward.body)["messages"][0]["content"] == [file(DOCUMENT)]
    (finding,) = [each for each in world.decision.findings if each.detector == "iban"]
    assert finding.place == "/messages/0/content/0/file/file_data#text"


async def test_what_would_be_redacted_in_a_document_is_refused(world: World) -> None:
    with_rule(world, "iban", DetectorRule(Action.REDACT))
    assert code(await world.send([file(DOCUMENT)])) == "content_blocked"
    assert world.held() == 0


async def test_words_beside_a_document_are_redacted_in_place(world: World) -> None:
    with_rule(world, "email", DetectorRule(Action.REDACT))
    harmless = base64.b64encode(b"harmless").decode()
    forward = sent(await world.send([{"type": "text", "text": "to jane@acme-corp.de"}, file(harmless)]))
    assert forward.body is not None
    assert json.loads(forward.body)["messages"][0]["content"] == [
        {"type": "text", "text": "to [EMAIL]"},
        file(harmless),
    ]


@pytest.mark.parametrize(
    ("part", "detector"),
    [
        (image(IMAGE), "attachment_unreadable"),
        (image("https://files.example.org/a.png"), "attachment_remote"),
        ({"type": "file", "file": {"file_id": "file-abc123"}}, "attachment_file_id"),
    ],
)
async def test_what_is_not_read_is_noted_and_may_be_refused(world: World, part: dict[str, Any], detector: str) -> None:
    sent(await world.send([part]))
    assert detector in {finding.detector for finding in world.decision.findings}
    with_rule(world, detector, DetectorRule(Action.BLOCK))
    assert code(await world.send([part])) == "content_blocked"


async def test_what_is_not_read_may_be_kept_on_sovereign_routes(world: World) -> None:
    with_rule(world, "attachment_unreadable", DetectorRule(Action.LOG, sovereign=True))
    free, kept = sent(await world.send("hello")).candidates, sent(await world.send([image(IMAGE)])).candidates
    assert set(kept) < set(free)


async def test_an_image_at_a_url_is_held_for(world: World) -> None:
    plain = await world.send([{"type": "text", "text": "x"}])
    remote = await world.send([image("https://files.example.org/a.png")])
    assert isinstance(plain, Forwarded)
    assert isinstance(remote, Forwarded)
    assert remote.estimate.input_tokens > plain.estimate.input_tokens + IMAGE_TOKENS_MAX
    assert remote.estimate.output_tokens == plain.estimate.output_tokens


async def test_a_document_that_takes_too_long_is_refused(world: World) -> None:
    world.change_guard(deadline_seconds=0.0)
    assert code(await world.send([file(DOCUMENT)])) == "guard_timeout"
