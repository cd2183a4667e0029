from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway_ext.errors import HistoryUnknown, LabelUnknown
from gateway_ext.exchange import CredentialClass, Finding, Labels, Principal
from gateway_ext.routing.data_classes import (
    SOVEREIGN,
    Classes,
    Classification,
    DataClass,
    DefaultClass,
    UnknownHistory,
    classes_of,
    is_lasting,
    lasting_in,
    with_held,
    with_history_out_of_reach,
    with_unknown_history,
)

HOME, EVERYWHERE = frozenset({"eu/a"}), frozenset({"eu/a", "us/a"})
ADA = Principal("ada", "person", "company", CredentialClass.SSO, "c-1", team="engines", application="chat")
UNLABELLED = Labels()
RULES = Classification(
    classes={
        SOVEREIGN: DataClass(SOVEREIGN, HOME),
        "public": DataClass("public", EVERYWHERE),
        "internal": DataClass("internal", EVERYWHERE),
        "personal": DataClass("personal", HOME, frozenset({"internal"}), is_sticky=True),
        "health": DataClass("health", HOME, frozenset({"personal", "internal"}), is_sticky=True),
        "secret": DataClass("secret", HOME),
    },
    by_finding={
        ("iban", "log"): frozenset({"personal"}),
        ("iban", "redact"): frozenset({"personal"}),
        ("health_card", "log"): frozenset({"health"}),
        ("jwt", "log"): frozenset({"secret"}),
    },
    by_label={"public": frozenset({"public"}), "personal": frozenset({"personal"}), "hr": frozenset({"personal"})},
    default="internal",
    defaults=(DefaultClass("personal", teams=frozenset({"hr"})), DefaultClass("public", purposes=frozenset({"press"}))),
)


def found(detector: str, action: str = "log", **changes: Any) -> Finding:
    finding = Finding(detector, "1", "personal", 0, "/x", 0, 1, 1.0, action, False, "f")
    return replace(finding, **changes)


def of(
    *findings: Finding, labels: Labels = UNLABELLED, caller: Principal = ADA, rules: Classification = RULES
) -> Classes:
    return classes_of(findings, labels, caller, rules)


def test_without_findings_and_labels_it_is_the_default() -> None:
    assert of() == Classes(frozenset({"internal"}))
    assert of(rules=replace(RULES, default="", defaults=())) == Classes()


def test_a_finding_puts_content_in_its_class_and_all_that_this_implies() -> None:
    classes = of(found("health_card"), found("jwt"))
    assert classes.names == {"health", "personal", "internal", "secret"}
    assert classes.reasons == ("found:health", "found:secret")
    assert classes.lasting == {"health"}  # 'personal' comes with it


@pytest.mark.parametrize(
    ("action", "counts"), [("log", True), ("redact", True), ("pseudonymize", False), ("allowed", False)]
)
def test_a_finding_counts_by_what_became_of_it(action: str, counts: bool) -> None:
    assert ("personal" in of(found("iban", action)).names) == counts


def test_what_guard_yaml_marks_sovereign_is_of_the_class_of_that_name() -> None:
    classes = of(found("unlisted", sovereign=True))
    assert classes.names == {SOVEREIGN, "internal"}
    assert classes.reasons == ("found:sovereign",)


def test_a_trusted_label_takes_the_place_of_the_default_and_of_nothing_else() -> None:
    trusted = Labels(frozenset({"public"}), are_trusted=True)
    assert of(labels=trusted) == Classes(frozenset({"public"}), ("label:public",))
    assert of(found("iban"), labels=trusted).names == {"public", "personal", "internal"}


def test_anybody_elses_label_only_adds() -> None:
    assert of(labels=Labels(frozenset({"public"}))).names == {"public", "internal"}
    classes = of(labels=Labels(frozenset({"hr"})))
    assert classes.names == {"personal", "internal"}
    assert classes.reasons == ("label:personal",)
    assert classes.lasting == {"personal"}


def test_a_label_without_meaning_is_refused_and_not_repeated() -> None:
    for are_trusted in (True, False):
        with pytest.raises(LabelUnknown) as refused:
            of(labels=Labels(frozenset({"public", "top-5ecret"}), are_trusted))
        assert "5ecret" not in str(refused.value)


def test_the_first_default_that_concerns_the_caller_counts() -> None:
    hr = replace(ADA, team="hr", purpose="press")
    assert of(caller=hr) == Classes(frozenset({"personal", "internal"}), ("default:personal",))
    assert of(caller=replace(ADA, purpose="press")).names == {"public"}


def test_a_default_is_not_what_a_conversation_is_remembered_by() -> None:
    assert of(caller=replace(ADA, team="hr")).lasting == frozenset()


def test_a_conversation_keeps_what_it_has_held() -> None:
    classes = with_held(of(), {"health"}, RULES)
    assert classes.names == {"health", "personal", "internal"}
    assert classes.reasons == ("sticky:health",)
    assert classes.lasting == {"health"}


def test_what_is_found_again_is_held_on_without_being_told_twice() -> None:
    classes = with_held(of(found("iban")), {"personal"}, RULES)
    assert classes.reasons == ("found:personal",)
    assert classes.lasting == {"personal"}


def test_nothing_held_changes_nothing() -> None:
    assert with_held(of(found("jwt")), (), RULES) == of(found("jwt"))


def test_a_class_that_policy_has_given_up_might_have_been_any_sticky_one() -> None:
    classes = with_held(of(), {"old-name"}, RULES)
    assert classes.names == {"internal", "personal", "health"}
    assert classes.reasons == ("history:renamed",)


def test_an_unknown_history_is_what_policy_takes_it_for() -> None:
    classes = with_unknown_history(of(), RULES)
    assert classes.names == {"internal", "personal", "health"}
    assert classes.reasons == ("history:unknown",)
    assert classes.lasting == {"health"}
    assert with_unknown_history(of(), replace(RULES, unknown_history=UnknownHistory.ALLOW)) == of()
    with pytest.raises(HistoryUnknown):
        with_unknown_history(of(), replace(RULES, unknown_history=UnknownHistory.REFUSE))


def test_a_history_that_cannot_be_read_counts_as_all_sticky_classes_whatever_policy_says_of_unknown_ones() -> None:
    for each in UnknownHistory:
        classes = with_history_out_of_reach(of(), replace(RULES, unknown_history=each))
        assert classes.names == {"internal", "personal", "health"}
        assert classes.reasons == ("history:unavailable",)


def test_of_an_answer_only_what_is_sticky_lasts() -> None:
    assert lasting_in([found("iban"), found("jwt"), found("health_card")], RULES) == {"health"}
    assert is_lasting(found("iban"), RULES)
    assert not is_lasting(found("jwt"), RULES)
    assert not is_lasting(found("iban", "allowed"), RULES)
