"""Between the rules of routing.yaml and the deployments there are: rules that are about nothing, or never looked at."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gateway_ext.policy.compile_catalog import catalog
from gateway_ext.policy.deployment_selector import selected
from gateway_ext.policy.problems import Problem
from gateway_ext.policy.rules_schema import Rule
from gateway_ext.policy.yaml_source import Source
from gateway_ext.routing.rules import Effect

if TYPE_CHECKING:
    from gateway_ext.policy.references import PolicyFiles


def rule_warnings(source: Source, files: PolicyFiles) -> Iterator[Problem]:
    """What is allowed but hardly meant."""
    entries = catalog(files.providers, files.models)
    last: Rule | None = None  # for every request, after which none is looked at
    for index, rule in enumerate(files.routing.rules):
        place = ("rules", index)
        if last is not None:
            message = f"is never looked at: rule '{last.name}' above {_ends(last)} every request"
            yield source.problem((*place, "name"), f"rule '{rule.name}' {message}")
        elif rule.when is None and "*" in rule.models and (rule.stop or rule.effect is Effect.DENY):
            last = rule
        if not any(fnmatchcase(name, pattern) for pattern in rule.models for name in files.models.models):
            yield source.problem((*place, "models"), "no model has such a name, so the rule does nothing", of_key=True)
        if rule.selector and not selected(rule.selector, files.routing.tier_names, entries):
            what = "refuses every request it is about" if rule.effect is Effect.ONLY else "does nothing"
            message = f"no deployment is like this, so the rule {what}"
            yield source.problem((*place, rule.effect.value), message, of_key=True)


def _ends(rule: Rule) -> str:
    return "denies" if rule.effect is Effect.DENY else "is the last one for"
