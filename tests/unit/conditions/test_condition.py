from __future__ import annotations

from dataclasses import replace

import pytest

from gateway_ext.conditions.condition import ConditionInvalid, compile_condition
from gateway_ext.conditions.facts import Facts, access_facts, nothing_known
from gateway_ext.conditions.vocabulary import ACCESS, GUARD, ROUTING
from gateway_ext.errors import ConditionFailed
from gateway_ext.exchange import CredentialClass, Endpoint, Principal

ADA = Principal("ada", "person", "company", CredentialClass.SSO, "c1", team="research", groups=frozenset({"eu", "llm"}))
NOON_UTC = 1_767_268_800 * 1_000_000_000  # Thursday, 2026-01-01T12:00:00Z


def facts(caller: Principal = ADA) -> Facts:
    return access_facts(caller, "assistant", Endpoint.CHAT_COMPLETIONS, NOON_UTC)


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("caller.team == 'research'", True),
        ("caller.team == 'sales'", False),
        ("'eu' in caller.groups && request.model.startsWith('assist')", True),
        ("caller.kind == 'service' || caller.credential_class == 'sso'", True),
        ("caller.groups.exists(group, group.matches('^l+m$'))", True),
        ("request.endpoint == '/v1/embeddings'", False),
        ("caller.front_end == '' && caller.purpose == ''", True),
        ("now.getHours('Europe/Paris') == 13 && now.getDayOfWeek('Europe/Paris') == 4", True),
        ("now < timestamp('2026-01-01T00:00:00Z')", False),
        ("now.getHours('Europe/Paris') >= 20 || now.getHours('Europe/Paris') < 6", False),
    ],
)
def test_a_condition_holds_or_not(source: str, holds: bool) -> None:
    assert compile_condition(source, ACCESS).holds(facts()) is holds


@pytest.mark.parametrize(
    ("source", "message", "place"),
    [
        (
            "caller.teem == 'x'",
            "unknown name 'caller.teem'; did you mean 'caller.team'? known to access rules: ",
            (1, 7),
        ),
        ("caller.team == 3", "'==' cannot be applied to string and int", (1, 13)),
        ("caller.team == 'x' &&\n 'y' in caller.team", "'in' cannot be applied to string and string", (2, 6)),
        ("caller.team ==", "is not valid CEL: mismatched input '<EOF>'", (1, 15)),
        ("", "is not valid CEL: mismatched input '<EOF>'", (1, 1)),
        ("caller.team == 'x' and true", "is not valid CEL: mismatched input 'and'", (1, 20)),
        ("caller.team", "is no condition: it yields string, not true or false; compare it with something", (0, 0)),
        ("'personal' in data.classes", "asks for 'data.classes', which is known to routing rules only", (1, 19)),
        ("request.bytes > 9", "asks for 'request.bytes', which is known to overrides of the Guard only", (1, 8)),
        ("(" * 40 + "true" + ")" * 40, "is nested too deep; split the rule", (0, 0)),
        ("true && " * 300 + "true", "is longer than 2000 characters; split the rule", (0, 0)),
    ],
)
def test_what_is_no_condition_is_told_with_its_place(source: str, message: str, place: tuple[int, int]) -> None:
    with pytest.raises(ConditionInvalid) as caught:
        compile_condition(source, ACCESS)
    assert str(caught.value).startswith(message)
    assert (caught.value.line, caught.value.column) == place


def test_each_place_knows_what_the_one_before_knows() -> None:
    assert ACCESS.variables.keys() < GUARD.variables.keys() < ROUTING.variables.keys()
    compile_condition("request.bytes > 9", GUARD)
    compile_condition("'personal' in data.classes && tokens.input > 9 && budget.degraded", ROUTING)


@pytest.mark.parametrize(
    "source", ["int(caller.team) > 3", "caller.groups[9] == 'x'", "1 / int(size(caller.purpose)) > 0"]
)
def test_what_cannot_be_judged_refuses_and_says_whose_it_was_only(source: str) -> None:
    with pytest.raises(ConditionFailed) as caught:
        compile_condition(source, ACCESS, rule="access:r").holds(facts())
    assert caught.value.rules == ("access:r",)
    assert "research" not in repr(caught.value)
    assert caught.value.__suppress_context__


def test_a_condition_about_nothing_known_fails() -> None:
    with pytest.raises(ConditionFailed):
        compile_condition("caller.team == ''", GUARD).holds(nothing_known())


def test_a_text_that_is_no_unicode_fails_as_any_other() -> None:
    condition = compile_condition("caller.team == 'x'", ACCESS)
    with pytest.raises(ConditionFailed):
        condition.holds(facts(replace(ADA, team="\ud800")))
    assert not condition.holds(facts())


def test_conditions_are_compared_by_what_they_say() -> None:
    one, same = (compile_condition("caller.team == 'x'", ACCESS, rule="r") for _ in range(2))
    assert one == same
    assert repr(one) == "Condition(source=\"caller.team == 'x'\", rule='r')"
