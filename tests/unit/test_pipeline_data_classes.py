"""Data classes on the whole request path: what is found, said and held decides where requests go, and the trail says why."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.exchange import Answer, VerifiedClaims
from gateway_ext.identity.rules import FrontEnd
from gateway_ext.response.forwarded import Forwarded
from tests.unit.pipeline_world import DEMO, IBAN, World, code

US, EU = "simulator-us/assistant", "simulator-eu/assistant"
CLAUSE = "This is strictly confidential.\n\nTLP:AMBER"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    await world.ledger.open()
    yield world
    await world.ledger.close()
    world.conversations.close()
    world.pipeline.close()


async def told(world: World, *texts: str, **how: Any) -> Forwarded | Answer:
    """Texts of user and assistant in turn."""
    messages = [{"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(texts)]
    return await world.send_body(json.dumps({"model": "assistant", "messages": messages}).encode(), **how)


def clusters(decided: Forwarded | Answer) -> list[str]:
    assert isinstance(decided, Forwarded)
    return [candidate.cluster for candidate in decided.forward.candidates]


def classes(world: World) -> set[str]:
    return {each for each in world.decision.rules if each.startswith(("found:", "label:", "sticky:", "history:"))}


async def test_a_conversation_that_held_personal_data_stays_where_such_data_may_go(world: World) -> None:
    assert clusters(await told(world, "Hello")) == [US, EU]
    assert clusters(await told(world, "Hello", "Hi", f"My IBAN is {IBAN}")) == [EU]
    assert world.decision.data_classes == ("internal", "personal", "sovereign")
    assert clusters(await told(world, "Hello", "Hi", "and now?")) == [US, EU]  # it was taken back before an answer
    assert clusters(await told(world, f"My IBAN is {IBAN}", "Noted", "go on")) == [EU]
    assert clusters(await told(world, "[left out]", "Noted", "go on", "Yes?", "write it")) == [EU]
    assert classes(world) == {"sticky:personal"}
    other = VerifiedClaims({**DEMO, "sub": "bob@local"})
    again = await told(world, "[left out]", "Noted", "go on", "Yes?", "write it", claims={"personal": other})
    assert clusters(again) == [US, EU]


async def test_what_an_answer_held_makes_the_conversation_stay_too(world: World) -> None:
    world.change("guard", inspects_responses=True)
    decided = await told(world, "Whose account is it?")
    assert isinstance(decided, Forwarded)
    body = json.dumps({"choices": [{"message": {"content": f"That of {IBAN}"}}]}).encode()
    assert not isinstance(await world.pipeline.answers.pass_whole(decided, body), Answer)
    assert clusters(await told(world, "Whose account is it?", "[cut]", "And his address?")) == [EU]
    assert classes(world) == {"sticky:personal"}


async def test_labels_of_a_trusted_front_end_and_of_anybody(world: World) -> None:
    for subject in ("demo@local", "page"):
        page = FrontEnd("page", "personal", subject, "company", {"subject": "x-user"}, False, labels_header="x-class")
        world.change("identity", front_ends={("personal", subject): page})
        assert clusters(await told(world, "Hello", user_headers={"x-class": ("contract",)})) == [EU]
        assert classes(world) == {"label:contract"}
        await told(world, f"Hello, I am {subject}", user_headers={"x-class": ("public",)})
        is_trusted = subject == "demo@local"
        assert ("internal" in world.decision.data_classes) != is_trusted
        assert code(await told(world, "Hi", user_headers={"x-class": ("unheard-of",)})) == "label_unknown"


async def test_a_class_without_a_place_is_refused_by_name(world: World) -> None:
    document = {"model": "frontier-only", "messages": [{"role": "user", "content": CLAUSE}]}
    refused = await world.send_body(json.dumps(document).encode())
    assert code(refused) == "no_sovereign_route"
    assert "found:trade-secret" in world.decision.rules
    assert world.held() == 0


async def test_a_history_that_only_the_provider_has_counts_as_all_it_might_have_held(world: World) -> None:
    body = json.dumps({"model": "assistant", "input": "go on", "previous_response_id": "resp_1"}).encode()
    assert clusters(await world.send_body(body, path="/v1/responses")) == [EU]
    assert classes(world) == {"history:unknown"}


async def test_without_a_store_traffic_goes_on_where_anything_may_go(world: World, tmp_path: Path) -> None:
    await told(world, f"My IBAN is {IBAN}")
    (tmp_path / "conversations.sqlite").unlink()
    assert clusters(await told(world, "Hello")) == [EU]
    assert classes(world) == {"history:unavailable"}


async def test_what_cannot_be_remembered_is_not_sent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    assert clusters(await told(world, "Hello")) == [US, EU]
    held = world.held()
    monkeypatch.setattr(world.conversations, "_write_at_once", full)
    assert code(await told(world, f"My IBAN is {IBAN}")) == "conversations_unavailable"
    assert world.held() == held
    assert clusters(await told(world, "Hello")) == [US, EU]


async def test_no_text_and_no_name_is_in_the_store(world: World, tmp_path: Path) -> None:
    metadata = {"metadata": {"conversation_id": "matter-4711"}}
    await world.send(f"My IBAN is {IBAN}", **metadata)
    kept = b"".join((tmp_path / f"conversations.{end}").read_bytes() for end in ("sqlite", "sqlite-wal", "marker"))
    assert b"personal" in kept
    assert not any(text in kept for text in (b"IBAN", b"DE89", b"demo@local", b"matter-4711"))
