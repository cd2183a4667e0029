from dataclasses import replace

from gateway_ext.guard.cache import Match
from gateway_ext.guard.detector import Kind
from gateway_ext.guard.rules import Action, DetectorRule, GuardRules
from gateway_ext.guard.stream.decisions import decisions_of

EMAIL, IBAN = Kind("email", "1", "personal"), Kind("iban", "1", "personal")
SOURCE = Kind("source_code", "1", "confidential")
RULES = GuardRules({"personal": DetectorRule(Action.REDACT), "confidential": DetectorRule(Action.LOG)}, {}, 1.0)


def match(kind: Kind) -> Match:
    return Match(kind, 0, 3, 1.0, "fingerprint")


def test_answers_with_equal_rules_share_what_becomes_of_their_matches() -> None:
    shared = decisions_of(RULES, [EMAIL, SOURCE])
    assert decisions_of(replace(RULES), (EMAIL, SOURCE)) is shared
    assert shared.decide(match(EMAIL)).action is Action.REDACT
    assert shared.decide(match(SOURCE)).action is Action.LOG


def test_other_rules_or_other_kinds_are_decided_apart() -> None:
    shared = decisions_of(RULES, [EMAIL])
    noted = replace(RULES, detectors={"email": DetectorRule(Action.LOG)})
    allowed = replace(RULES, allowed=frozenset({("email", "fingerprint")}))
    assert decisions_of(RULES, [EMAIL, IBAN]) is not shared
    assert shared.decide(match(EMAIL)).action is Action.REDACT
    for rules in (noted, allowed):
        assert decisions_of(rules, [EMAIL]).decide(match(EMAIL)).action is Action.LOG
    assert decisions_of(noted, [EMAIL]).holding is None


def test_rules_without_end_do_not_pile_up() -> None:
    shared = decisions_of(RULES, [EMAIL])
    for number in range(20):
        decisions_of(replace(RULES, deadline_seconds=float(number)), [EMAIL])
    assert decisions_of(RULES, [EMAIL]) is not shared
