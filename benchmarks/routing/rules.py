"""`python -m benchmarks.routing.rules`: what routing costs a request by the number of rules about its model, in microseconds."""

from __future__ import annotations

from time import perf_counter
from typing import Final

from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.facts import Facts, routing_facts
from gateway_ext.conditions.vocabulary import ROUTING
from gateway_ext.exchange import Candidate, CredentialClass, Endpoint, Estimate, Principal, Prompt
from gateway_ext.routing.data_classes import SOVEREIGN, DataClass
from gateway_ext.routing.plan import plan
from gateway_ext.routing.rules import Effect, RoutingRule, RoutingRules, SovereignRule, VirtualModel

REPEATS: Final = 300
RULE_COUNTS: Final = (0, 1, 10, 100, 1_000)
CONDITION: Final = "caller.team == 'sales' && now.getHours('Europe/Paris') >= 20 && 'personal' in data.classes"

_DEPLOYMENTS = tuple(Candidate(f"p{number}/m", f"p{number}", "m", "FR", "open-eu") for number in range(5))
_CLUSTERS = frozenset(each.cluster for each in _DEPLOYMENTS)
_MODEL = VirtualModel("m", _DEPLOYMENTS, 1_000, 8_000)
_PROMPT = Prompt(Endpoint.CHAT_COMPLETIONS, "m", {}, (), False, False, None, 1, 4_000)
_CALLER = Principal(
    "ada", "person", "company", CredentialClass.SSO, "c", team="sales", groups=frozenset({"llm-users", "eu", "staff"})
)


def microseconds(rule_count: int, condition: str | None) -> float:
    """Of one request whose content is of one class, with so many rules that each remove nothing."""
    when = compile_condition(condition, ROUTING) if condition else None
    policy = RoutingRules(
        ("open-eu",),
        SovereignRule(frozenset({"open-eu"}), frozenset({"FR"})),
        {"m": _MODEL},
        {},
        data_classes={SOVEREIGN: DataClass(SOVEREIGN, _CLUSTERS)},
        rules=tuple(
            RoutingRule(f"r{number}", Effect.ONLY, clusters=_CLUSTERS, when=when) for number in range(rule_count)
        ),
    )

    def facts() -> Facts:
        return routing_facts(_CALLER, "m", _PROMPT, 1_767_268_800_000_000_000, estimate=Estimate(1_000, 1_000))

    best = float("inf")
    for _ in range(5):
        began = perf_counter()
        for _ in range(REPEATS):
            plan(_MODEL, _DEPLOYMENTS, frozenset({SOVEREIGN}), facts, policy)
        best = min(best, (perf_counter() - began) / REPEATS)
    return best * 1e6


def main() -> None:
    print(f"{'rules':>6} {'lists only':>11} {'conditions':>11}")
    for count in RULE_COUNTS:
        print(f"{count:>6} {microseconds(count, None):>11.1f} {microseconds(count, CONDITION):>11.1f}")


if __name__ == "__main__":
    main()
