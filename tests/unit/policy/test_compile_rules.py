from __future__ import annotations

import shutil
from pathlib import Path

from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.vocabulary import ROUTING
from gateway_ext.policy.cases_schema import CasesFile
from gateway_ext.policy.loader import load_policy, read_policy
from gateway_ext.policy.rules_schema import Rule
from gateway_ext.policy.yaml_source import read_source
from gateway_ext.routing.data_classes import SOVEREIGN
from gateway_ext.routing.rules import Effect, RoutingRules

SHIPPED = Path(__file__).parents[3] / "policies"
RULES = """
rules:
  - name: research-in-the-eu
    models: ["assist*"]
    when: caller.team == 'research' && now.getHours('Europe/Paris') < 8
    only: {tiers: [open-eu]}
    stop: true
  - {name: not-us, without: {jurisdictions: [US]}}
  - {name: own-first, prefer: {providers: [own]}}
  - {name: freeze, models: [local], deny: "Closed until Monday."}
"""


def routing(policy_dir: Path, rules: str = RULES, models: str = "") -> RoutingRules:
    with (policy_dir / "routing.yaml").open("a") as file:
        file.write(rules)
    if models:
        (policy_dir / "models.yaml").write_text(models)
    return load_policy(policy_dir).routing


def test_rules_are_sets_of_deployments(policy_dir: Path) -> None:
    first, second, third, fourth = routing(policy_dir).rules
    assert (first.name, first.effect, first.clusters, first.stops) == (
        "research-in-the-eu",
        Effect.ONLY,
        frozenset({"eu/assistant", "own/local"}),
        True,
    )
    assert first.when is not None
    assert first.when.rule == "rule:research-in-the-eu"
    assert (second.effect, second.clusters, second.when) == (Effect.WITHOUT, frozenset({"us/big"}), None)
    assert (third.effect, third.clusters) == (Effect.PREFER, frozenset({"own/local"}))
    assert (fourth.effect, fourth.message, fourth.clusters) == (Effect.DENY, "Closed until Monday.", frozenset())


def test_a_model_has_the_rules_about_it(policy_dir: Path) -> None:
    about = routing(policy_dir).rules_about
    assert [rule.name for rule in about["assistant"]] == ["research-in-the-eu", "not-us", "own-first"]
    assert [rule.name for rule in about["local"]] == ["not-us", "own-first", "freeze"]


def test_sovereign_is_a_class_of_its_own(policy_dir: Path) -> None:
    sovereign = routing(policy_dir).data_classes[SOVEREIGN]
    assert sovereign.clusters == {"eu/assistant", "own/local"}


def test_otherwise_adds_the_deployments_of_another_model_as_substitutes(policy_dir: Path) -> None:
    price = "price: {input: 1, output: 1}"
    model = routing(
        policy_dir,
        rules="",
        models=f"""
models:
  assistant: {{deployments: [{{provider: us, {price}}}, {{provider: eu, {price}}}], otherwise: home}}
  home:
    deployments: [{{provider: eu, model: assistant, {price}}}, {{provider: own, {price}, context_tokens: 5000}}]
    context_tokens: 8000
  local: {{deployments: [{{provider: own, {price}}}]}}
""",
    ).models["assistant"]
    assert model.otherwise == "home"
    assert [(each.cluster, each.substitute_for, each.context_tokens) for each in model.deployments] == [
        ("us/assistant", "", 0),
        ("eu/assistant", "", 0),
        ("own/home", "assistant", 5000),
    ]


def test_the_example_of_the_shipped_policy_is_valid(tmp_path: Path) -> None:
    directory = Path(shutil.copytree(SHIPPED, tmp_path / "policies"))
    text = (directory / "routing.yaml").read_text()
    example = text[text.index("# rules:\n") :]
    (directory / "routing.yaml").write_text(text.replace(example, example.replace("# ", "")))
    reading = read_policy(directory)
    assert [rule.name for rule in reading.snapshot.routing.rules] == [
        "research-at-night",
        "no-tools-abroad",
        "own-first",
        "freeze",
    ]


def test_the_examples_of_the_documents_are_valid() -> None:
    page = (SHIPPED.parent / "docs" / "policy-as-code.md").read_text(encoding="utf-8")
    blocks = page.split("```yaml\n")[1:]
    rules = read_source("rules", blocks[0].split("```")[0].encode()).document["rules"]
    names = {"tier": frozenset({"on-prem"}), "provider": frozenset({"own-cluster"})}
    assert [Rule.model_validate(rule, context=names).name for rule in rules] == [rule["name"] for rule in rules]
    conditions = page.split("```\ncaller.team in ")[1].split("```")[0].splitlines()
    for source in (f"caller.team in {conditions[0]}", *conditions[1:]):
        compile_condition(source, ROUTING)
    cases = read_source("cases", blocks[1].split("```")[0].encode()).document
    assert len(CasesFile.model_validate(cases).cases) == 1
