"""What policy makes of the matches in an answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from gateway_ext.guard.cache import Match
from gateway_ext.guard.catalog import ROLES, SECRET, replacement
from gateway_ext.guard.detector import Kind
from gateway_ext.guard.policy import ANSWER_ROLE
from gateway_ext.guard.rules import REPLACED, Action, GuardRules
from gateway_ext.guard.stream.changes import Decision
from gateway_ext.guard.stream.holding import Holding

_NOTED = Decision(Action.LOG)
_SHARED_MAX = 16


class Decisions:
    """Of answers with the same rules; `kinds` are those that may be found. `decide` as StreamedText wants it; `holding` is None if nothing is enforced."""

    __slots__ = ("_by_kind", "_rules", "holding")

    def __init__(self, rules: GuardRules, kinds: Iterable[Kind]) -> None:
        self._rules = rules
        self._by_kind: dict[str, Decision] = {}
        enforced = {kind.name for kind in kinds if self._decided(kind.name, kind.data_class)}
        self.holding = Holding.of(enforced) if enforced else None

    def decide(self, match: Match) -> Decision:
        kind = match.kind
        if (kind.name, match.fingerprint) in self._rules.allowed:
            return _NOTED
        return self._decided(kind.name, kind.data_class) or _NOTED

    def _decided(self, name: str, data_class: str) -> Decision | None:
        """None when it is noted at most."""
        if name not in self._by_kind:
            self._by_kind[name] = self._decision(name, data_class)
        decision = self._by_kind[name]
        return None if decision.action is Action.LOG else decision

    def _decision(self, name: str, data_class: str) -> Decision:
        rule = self._rules.rule(name, data_class, ANSWER_ROLE)
        if not rule.is_enabled or rule.action is Action.LOG or (name in ROLES and ANSWER_ROLE not in ROLES[name]):
            return _NOTED
        action = Action.REDACT if rule.action in REPLACED else rule.action
        return Decision(action, replacement(name, data_class), rank=int(data_class == SECRET))


_shared: deque[tuple[GuardRules, tuple[Kind, ...], Decisions]] = deque(maxlen=_SHARED_MAX)


def decisions_of(rules: GuardRules, kinds: Iterable[Kind]) -> Decisions:
    """Those of answers to different requests are the same object, if their rules are equal: it takes a millisecond, and as much
    memory as all the rest of a stream."""
    wanted = tuple(kinds)
    for known_rules, known_kinds, decisions in _shared:
        if known_rules == rules and known_kinds == wanted:
            return decisions
    decisions = Decisions(rules, wanted)
    _shared.append((rules, wanted, decisions))
    return decisions
