"""What policy decides about a request that is only described: who asks, for what, and what the Guard would find in it.

Pure: the functions that the request path takes in steps 1, 3 and 4, without a ledger, without texts and without measurements.
So budgets are not judged, and deployments stand in the order of policy, as a strategy finds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from gateway_ext.conditions.facts import guard_facts, routing_facts
from gateway_ext.errors import ContentBlocked, Refusal
from gateway_ext.exchange import Candidate, Endpoint, Estimate, Finding, Labels, Principal, Prompt
from gateway_ext.guard.catalog import DETECTORS
from gateway_ext.guard.policy import GuardPolicy
from gateway_ext.guard.rules import Action, DetectorRule
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.routing.capabilities import capable
from gateway_ext.routing.data_classes import classes_of
from gateway_ext.routing.plan import Route, find_model, plan
from gateway_ext.steps.granting import within_grants

FORWARD, REFUSE = "forward", "refuse"


@dataclass(frozen=True, slots=True)
class Case:
    """A request as far as policy decides by it.

    `found` is what the Guard finds, as a detector and the role of the text: ("iban", "user"). `classes` come on top.
    """

    caller: Principal
    model: str
    endpoint: Endpoint
    at_unix_nano: int
    is_stream: bool = False
    request_bytes: int = 0
    needs: frozenset[str] = frozenset()
    estimate: Estimate = field(default_factory=lambda: Estimate(0, 0))
    found: frozenset[tuple[str, str]] = frozenset()
    classes: frozenset[str] = frozenset()
    labels: Labels = field(default_factory=Labels)
    over: tuple[str, ...] = ()  # soft budgets
    is_capped: bool = False
    is_degraded: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """`code` is that of a refusal. `clusters` and `left_out` as in a Route; `reasons` as in the audit trail, in order."""

    outcome: str
    code: str = ""
    clusters: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


def judge(case: Case, snapshot: Snapshot) -> Judgement:
    """What would become of `case`. A detector that the Guard does not have finds nothing."""
    reasons: list[str] = []
    try:
        route = _routed(case, snapshot, reasons)
    except Refusal as refusal:
        return Judgement(REFUSE, refusal.code, reasons=_once((*reasons, *refusal.rules)))
    clusters = tuple(each.cluster for each in route.candidates)
    return Judgement(FORWARD, "", clusters, _once((*reasons, *route.reasons)), route.left_out)


def known_detectors(policy: GuardPolicy) -> Mapping[str, str]:
    """The detectors that the Guard has under `policy`, with their data class."""
    return {**DETECTORS, **{kind.name: kind.data_class for one in policy.request.dictionaries for kind in one.kinds}}


def _routed(case: Case, snapshot: Snapshot, reasons: list[str]) -> Route:
    """Raises Refusal; `reasons` then has those up to it."""
    model = find_model(case.model, snapshot.routing)

    def granted(name: str, deployments: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        grant = snapshot.identity.access_table.grant(case.caller, name, case.endpoint, case.at_unix_nano)
        reasons.extend(f"access:{rule}" for rule in grant.rules)
        return grant.within(deployments)

    deployments = capable(within_grants(model, case.endpoint, granted).deployments, case.needs)

    prompt = _prompt(case)
    tiers = frozenset(each.tier for each in deployments)
    known = partial(guard_facts, case.caller, model.name, prompt, case.at_unix_nano)
    rules = snapshot.guard.for_request(case.caller, tiers, case.at_unix_nano, known)
    detectors = known_detectors(snapshot.guard) if case.found else {}
    findings = []
    for detector, role in sorted(case.found):
        data_class = detectors.get(detector)
        if data_class and (rule := rules.rule(detector, data_class, role)).is_enabled:
            findings.append(_finding(detector, data_class, role, rule))
    if any(each.action == Action.BLOCK for each in findings):
        raise ContentBlocked

    classes = classes_of(findings, case.labels, case.caller, snapshot.routing.classification)
    reasons += classes.reasons
    facts = partial(
        routing_facts,
        case.caller,
        model.name,
        prompt,
        case.at_unix_nano,
        estimate=case.estimate,
        findings=tuple(findings),
        classes=classes.names | case.classes,
        labels=case.labels.names,
        over=case.over,
        is_capped=case.is_capped,
        is_degraded=case.is_degraded,
    )
    return plan(model, deployments, classes.names | case.classes, facts, snapshot.routing)


def _prompt(case: Case) -> Prompt:
    """A request of this shape; its texts are not known."""
    return Prompt(
        endpoint=case.endpoint,
        model=case.model,
        document={},
        texts=(),
        is_stream=case.is_stream,
        asked_for_usage=False,
        output_tokens_asked=None,
        choices=1,
        body_bytes=case.request_bytes,
        needs=case.needs,
    )


def _finding(detector: str, data_class: str, role: str, rule: DetectorRule) -> Finding:
    return Finding(detector, "", data_class, 0, "", 0, 0, 1.0, rule.action.value, rule.sovereign, "", role)


def _once(reasons: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reasons))
