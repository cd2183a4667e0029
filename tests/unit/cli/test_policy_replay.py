"""What the real pipeline has recorded is judged anew: the same by the same policy, otherwise by another, and no guesses."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.outputs.otlp import to_request
from gateway_ext.audit.reading import last_events
from gateway_ext.audit.records import DecisionRecord
from gateway_ext.audit.spool import Spool
from gateway_ext.cli.main import main
from gateway_ext.exchange import VerifiedClaims
from gateway_ext.identity.rules import FrontEnd
from gateway_ext.telemetry.otlp_file_sink import split, to_line
from tests.unit.cli.guard_world import TrailClock
from tests.unit.pipeline_world import AWS_KEY, DEMO, IBAN, POLICIES, World

US, EU = "simulator-us/assistant", "simulator-eu/assistant"
LABELLED = FrontEnd("page", "personal", "demo@local", "company", {"subject": "x-user"}, False, labels_header="x-class")


async def traffic(directory: Path) -> list[DecisionRecord]:
    """Fourteen decisions: by content, label, conversation, endpoint, model and caller; of three no policy can tell."""
    world = World(directory)
    await world.ledger.open()
    for number in range(3):
        await world.send(f"Hello {number}")
    await world.send(f"My IBAN is {IBAN}")
    await world.send(f"My IBAN is {IBAN}", model="frontier-only")
    await world.send(f"Use {AWS_KEY}")
    await world.send("Hello", model="assistant-eu", stream=True)
    taken_back = [f"My IBAN is {IBAN}", "Noted"], ["[left out]", "Noted", "and", "Yes?", "go on"]
    for texts in taken_back[0] + ["and"], taken_back[1]:
        await world.send_body(conversation(texts))
    await world.send("Hello", model="gpt-9")
    await world.send("Hello", max_tokens=-1)
    stranger = VerifiedClaims({**DEMO, "sub": "eve@local", "groups": []})
    document = json.dumps({"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}).encode()
    await world.send_body(document, claims={"personal": stranger})
    colleague = VerifiedClaims({"sub": "bob@local", "team": "platform", "groups": ["nobody"]})
    await world.send_body(document, claims={"company": colleague})
    world.change("identity", front_ends={("personal", "demo@local"): LABELLED})
    await world.send_body(document, user_headers={"x-class": ("contract",)})
    await world.ledger.close()
    world.conversations.close()
    world.pipeline.close()
    return [each for each in world.audit.records if isinstance(each, DecisionRecord)]


def conversation(texts: list[str]) -> bytes:
    messages = [{"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(texts)]
    return json.dumps({"model": "assistant", "messages": messages}).encode()


def write(state: Path, records: list[DecisionRecord], *, at: int = 1_800_000_000) -> Path:
    spool = Spool(state / "spool", "processor-0", TrailClock(at))
    for each in records:
        spool.append(each)
    spool.close()
    return state


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[DecisionRecord]:
    return asyncio.run(traffic(tmp_path_factory.mktemp("world")))


@pytest.fixture(scope="module")
def state(records: list[DecisionRecord], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("state"), records)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))


def edit(directory: Path, file: str, old: str, new: str) -> None:
    text = (directory / file).read_text()
    assert old in text
    (directory / file).write_text(text.replace(old, new))


def replay(capsys: pytest.CaptureFixture[str], state: Path, policy: Path, *arguments: str, code: int = 0) -> Any:
    given = ["--state", str(state), "--policy", str(policy), *arguments]
    assert main(["policy", "replay", "--json", *given]) == code
    return json.loads(capsys.readouterr().out)


def changes(document: Any) -> dict[tuple[str, str, str, str], tuple[int, list[str]]]:
    return {
        (each["model"], each["kind"], each["then"], each["now"]): (each["requests"], each["reasons"])
        for each in document["changes"]
    }


def test_the_policy_that_decided_decides_the_same_again(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = replay(capsys, state, POLICIES, "--fail-on-change")
    assert document["changes"] == []
    assert document["judged"] == 11
    assert document["not_judged"] == {
        "refused: model_not_found": 1,
        "refused: body_invalid": 1,
        "refused: the credential itself may be narrowed to other models": 1,
    }


def test_what_detectors_found_counts_by_the_new_rules(
    state: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(other, "guard.yaml", "\ndetectors:\n", "\ndetectors:\n  iban: {action: block}\n")
    found = changes(replay(capsys, state, other, "--fail-on-change", code=1))
    assert found[("assistant", "newly refused", f"forward {EU}", "refuse content_blocked")][0] == 2
    assert found[("frontier-only", "refused for another reason", "refuse no_sovereign_route", "refuse content_blocked")]


def test_a_new_rule_is_named_and_conversations_stay_in_their_classes(
    state: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(other, "routing.yaml", "\nusage_chunk:", "\nrules: [{name: home, only: {tiers: [open-eu]}}]\nusage_chunk:")
    document = replay(capsys, state, other)
    assert set(changes(document)) == {("assistant", "loses deployments", f"forward {US}, {EU}", f"forward {EU}")}
    assert document["changes"][0]["reasons"] == ["+rule:home"]
    assert document["changes"][0]["team"] == "demo"
    assert document["changes"][0]["requests"] == 3


def test_a_class_that_stays_with_conversations_no_more(
    state: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(other, "routing.yaml", "allow: {at_least: frontier-eu, jurisdictions: [EU]}", "allow: {at_least: frontier}")
    edit(other, "guard.yaml", "personal: {action: log, sovereign: true}", "personal: {action: log}")
    document = replay(capsys, state, other)
    gained = {kind: count for (_, kind, _, _), (count, _) in changes(document).items()}
    assert gained == {"gains deployments": gained["gains deployments"], "newly forwarded": 1}
    assert sum(each["requests"] for each in document["changes"] if each["kind"] == "gains deployments") == 3


def test_who_is_newly_admitted_has_not_been_inspected(
    state: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(other, "access.yaml", "groups: [llm-users]", "groups: [llm-users, nobody]")
    document = replay(capsys, state, other)
    (change,) = document["changes"]
    assert (change["team"], change["kind"], document["uninspected"]) == ("platform", "newly forwarded", 1)
    assert main(["policy", "replay", "--state", str(state), "--policies", str(other)]) == 0
    out = capsys.readouterr().out
    assert "11 requests judged, 1 decided otherwise: 1 newly forwarded." in out
    assert "1 of them were refused before the Guard had read them" in out
    assert "3 cannot be judged by what the trail says:" in out


def test_an_issuer_that_is_gone_is_nobodys(state: Path, other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(other, "identity.yaml", "company:\n", "staff:\n")
    kinds = {(each["then"], each["now"]) for each in replay(capsys, state, other)["changes"]}
    assert kinds == {("refuse model_not_allowed", "refuse unauthenticated")}


def test_another_order_is_a_change_only_where_policy_orders(
    records: list[DecisionRecord], tmp_path: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = records[0]
    turned = replace(plain, candidates=tuple(reversed(plain.candidates)))
    weighted = replace(turned, exchange_id="w", rules=(*plain.rules, "strategy:weighted"))
    document = replay(capsys, write(tmp_path, [turned, weighted]), POLICIES)
    assert set(changes(document)) == {("assistant", "in another order", f"forward {EU}, {US}", f"forward {US}, {EU}")}
    assert (document["changed"], document["unordered"]) == (1, 1)


def test_a_file_of_the_sink_says_the_same_and_nothing_counts_twice(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = tmp_path / "logs.jsonl"
    events = last_events(state / "spool" / "processor-0", 100)
    with sink.open("wb") as file:
        for request in (to_request(events), to_request(events[:4])):
            file.writelines(to_line(each) for each in split(request))
    alone = replay(capsys, state, POLICIES)
    assert replay(capsys, state, POLICIES, "--sink", str(sink)) == alone
    assert replay(capsys, tmp_path, POLICIES, "--sink", str(sink)) == alone


def test_since_leaves_out_what_is_older(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(capsys, state, POLICIES, "--since", "2099-01-01")["judged"] == 0


def test_without_a_trail_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "replay", "--state", str(tmp_path), "--policy", str(POLICIES)]) == 2
    assert "there is no spool; give --state, or --sink FILE" in capsys.readouterr().err
