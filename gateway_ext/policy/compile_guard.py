"""From guard.yaml's shape to the rules that the Guard judges by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType

from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.vocabulary import GUARD
from gateway_ext.guard.catalog import CLASSES
from gateway_ext.guard.detector import Classifier
from gateway_ext.guard.policy import Allowance, GuardPolicy, rules_for_answers
from gateway_ext.guard.rules import DetectorRule, GuardRules, Override, RuleChange, Scope
from gateway_ext.policy import guard_schema

Names = Mapping[str, str]
"""Detector name → data class."""


def guard_policy(guard: guard_schema.GuardFile, detectors: Names, dictionaries: Sequence[Classifier]) -> GuardPolicy:
    """The policy of `guard`. `detectors` has all that may be named in it; `dictionaries` are built of its terms."""
    overrides = tuple(_override(written) for written in guard.overrides)
    for_answers = _changes("responses", Scope(), guard.responses)
    rules = _with_classifiers(_rules(guard, detectors), (for_answers, *overrides), detectors, dictionaries)
    return GuardPolicy(
        request=rules,
        response=rules_for_answers(rules, for_answers),
        overrides=overrides,
        allowances=tuple(
            Allowance(value.detector, value.fingerprint, frozenset(value.teams), _end_of(value.until))
            for value in guard.allow
        ),
        inspects_responses=guard.responses.inspect,
    )


def _rules(guard: guard_schema.GuardFile, detectors: Names) -> GuardRules:
    classes = {name: _class_rule(getattr(guard.classes, name)) for name in CLASSES}
    return GuardRules(
        classes=MappingProxyType(classes),
        detectors=MappingProxyType(
            {name: _change(rule).of(classes[detectors[name]]) for name, rule in guard.detectors.items()}
        ),
        deadline_seconds=guard.deadline_ms / 1000,
        detector_deadline_seconds=guard.detector_deadline_ms / 1000,
        denies_on_timeout=guard.on_timeout == "deny",
        denies_token_ids=guard.token_ids == "deny",
    )


def _class_rule(written: guard_schema.ClassRule) -> DetectorRule:
    return DetectorRule(written.action, written.sovereign, written.enabled)


def _change(written: guard_schema.DetectorRule) -> RuleChange:
    return RuleChange(written.action, written.sovereign, written.enabled)


def _override(written: guard_schema.GuardOverride) -> Override:
    when = written.when
    lists = guard_schema.Scope.model_fields.keys() - {"condition"}
    override = _changes(written.name, Scope(**{name: frozenset(getattr(when, name)) for name in lists}), written)
    if when.condition is None:
        return override
    return replace(override, when=compile_condition(when.condition, GUARD, rule=f"override:{written.name}"))


def _changes(name: str, scope: Scope, written: guard_schema.GuardOverride | guard_schema.Responses) -> Override:
    changes = {name: getattr(written.classes, name) for name in CLASSES}
    return Override(
        name=name,
        scope=scope,
        classes=MappingProxyType({name: _change(change) for name, change in changes.items() if change is not None}),
        detectors=MappingProxyType({name: _change(change) for name, change in written.detectors.items()}),
    )


def _with_classifiers(
    rules: GuardRules, overrides: Sequence[Override], detectors: Names, dictionaries: Sequence[Classifier]
) -> GuardRules:
    """`rules` with the classifiers that they, or an override for somebody, enable: the others need not run."""
    enabled = {name for name, data_class in detectors.items() if rules.rule(name, data_class).is_enabled}
    for override in overrides:
        enabled |= {name for name, change in override.detectors.items() if change.is_enabled}
        classes = {name for name, change in override.classes.items() if change.is_enabled}
        enabled |= {name for name, data_class in detectors.items() if data_class in classes}
    return replace(
        rules,
        classifiers=frozenset(enabled),
        dictionaries=tuple(one for one in dictionaries if any(kind.name in enabled for kind in one.kinds)),
    )


def _end_of(day: date | None) -> int | None:
    """The last instant of `day`, anywhere: in the time zone where it ends last."""
    if day is None:
        return None
    midnight = datetime.combine(day + timedelta(days=1), time(), UTC) + timedelta(hours=12)
    return int(midnight.timestamp()) * 1_000_000_000
