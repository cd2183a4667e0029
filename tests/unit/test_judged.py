from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.exchange import Answer, CredentialClass, Endpoint, Estimate, Labels, Principal
from gateway_ext.judged import Case, Judgement, judge
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from tests.unit.pipeline_world import AWS_KEY, IBAN, World, code

GOOD = Path(__file__).parents[1] / "policies" / "good"
ADA = Principal("ada", "person", "company", CredentialClass.SSO, "c", team="sales-1", groups=frozenset({"staff"}))
NOON = 1_767_268_800 * 1_000_000_000  # 2026-01-01T12:00:00Z
CASE = Case(ADA, "assistant", Endpoint.CHAT_COMPLETIONS, NOON)
RULES = """
rules:
  - {name: long-stays, when: tokens.input > 1000 && request.is_stream, only: {tiers: [open-eu]}}
  - {name: over-budget, when: "'soft' in budget.over && budget.capped", deny: Slow down.}
"""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    directory = Path(shutil.copytree(GOOD, tmp_path_factory.mktemp("judged") / "policies"))
    with (directory / "routing.yaml").open("a") as file:
        file.write(RULES)
    return load_policy(directory)


def test_it_tells_where_a_request_would_go(snapshot: Snapshot) -> None:
    assert judge(CASE, snapshot) == Judgement(
        "forward", clusters=("us/big", "eu/assistant"), reasons=("access:people",)
    )


def test_what_detectors_found_counts_by_the_rules_of_the_guard(snapshot: Snapshot) -> None:
    judgement = judge(replace(CASE, found=frozenset({("iban", "user"), ("no_such_detector", "user")})), snapshot)
    assert judgement.clusters == ("eu/assistant",)
    assert judgement.reasons == ("access:people", "found:sovereign", "class:sovereign")
    assert judgement.left_out == (("us/big", "class:sovereign"),)


def test_a_finding_that_blocks_refuses(snapshot: Snapshot) -> None:
    assert judge(replace(CASE, found=frozenset({("aws_key", "tool")})), snapshot).code == "content_blocked"


@pytest.mark.parametrize(
    ("change", "code", "reasons"),
    [
        ({"model": "gpt-9"}, "model_not_found", ()),
        ({"caller": replace(ADA, groups=frozenset())}, "model_not_allowed", ()),
        ({"classes": frozenset({"unheard-of"})}, "no_sovereign_route", ("access:people", "class:unheard-of")),
        ({"over": ("soft",), "is_capped": True}, "route_denied", ("access:people", "rule:over-budget")),
        ({"labels": Labels(frozenset({"unheard-of"}))}, "label_unknown", ("access:people",)),
    ],
)
def test_a_refusal_has_its_code_and_what_led_to_it(
    snapshot: Snapshot, change: dict[str, object], code: str, reasons: tuple[str, ...]
) -> None:
    judgement = judge(replace(CASE, **change), snapshot)  # type: ignore[arg-type]  # fields of a case
    assert judgement == Judgement("refuse", code, reasons=reasons)


def test_conditions_are_judged_by_what_the_case_says(snapshot: Snapshot) -> None:
    long = replace(CASE, estimate=Estimate(1001, 10))
    assert len(judge(long, snapshot).clusters) == 2
    assert judge(replace(long, is_stream=True), snapshot).reasons == ("access:people", "rule:long-stays")


def test_what_stands_in_is_granted_by_its_own_name(snapshot: Snapshot) -> None:
    """As on the request path: who may use a model may not therefore use the one that stands in for it."""
    models = dict(snapshot.routing.models)
    own, local = models["assistant"].deployments, models["local"].deployments
    stand_ins = tuple(replace(each, substitute_for="assistant") for each in local)
    models["assistant"] = replace(models["assistant"], deployments=own + stand_ins, otherwise="local")
    rules = tuple(replace(rule, models=("assistant",)) for rule in snapshot.identity.access if rule.name == "people")
    narrow = replace(snapshot, routing=replace(snapshot.routing, models=models))
    case = replace(CASE, classes=frozenset({"sovereign"}))
    without_own = replace(narrow.routing.models["assistant"], deployments=own[:1] + stand_ins)
    narrow = replace(narrow, routing=replace(narrow.routing, models={**models, "assistant": without_own}))
    assert judge(case, narrow).clusters == ("own/local",)
    narrow = replace(narrow, identity=replace(narrow.identity, access=rules))
    assert judge(case, narrow).code == "no_sovereign_route"


@pytest.mark.parametrize("model", ["assistant", "frontier-only"])
@pytest.mark.parametrize(
    ("content", "found"), [("Hello", ()), (f"Pay to {IBAN}", ("iban",)), (f"key {AWS_KEY}", ("aws_key",))]
)
async def test_it_decides_as_the_request_path_does(
    tmp_path: Path, content: str, found: tuple[str, ...], model: str
) -> None:
    world = World(tmp_path)
    await world.ledger.open()
    decided = await world.send(content, model=model)
    await world.ledger.close()
    caller = world.decision.principal
    assert caller is not None
    case = Case(caller, model, Endpoint.CHAT_COMPLETIONS, NOON, found=frozenset((name, "user") for name in found))
    judgement = judge(case, world.policy.snapshot)
    if isinstance(decided, Answer):
        assert judgement.code == code(decided)
    else:
        assert judgement.clusters == tuple(each.cluster for each in decided.forward.candidates)
        assert set(judgement.reasons) <= set(world.decision.rules)
