from __future__ import annotations

import pytest

from gateway_ext.conditions.condition import ConditionInvalid, compile_condition
from gateway_ext.conditions.vocabulary import ACCESS


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("caller.team.matches('(')", "has '(', which is not a regular expression (RE2)"),
        ("matches(caller.team, '[')", "has '[', which is not a regular expression (RE2)"),
        ("caller.team.matches('(a)\\\\1')", "has '(a)\\1', which is not a regular expression (RE2)"),
        ("caller.team.matches(caller.subject)", "computes a pattern; write it as text"),
        ("true || [now.getHours('Mars/Base') > 3][0]", "has 'Mars/Base', which is not a time zone of this machine's"),
        ("now.getHours(caller.team) > 3", "computes a time zone; write it as text"),
        ("{'a': now.getDayOfWeek('nowhere')}['a'] == 1", "has 'nowhere', which is not a time zone of this machine's"),
        (
            "caller.groups.all(a, caller.groups.exists(b, a == b))",
            "has a macro within a macro, which takes longer than",
        ),
        ("caller.groups.filter(a, caller.groups.map(b, b) == [a]) == []", "has a macro within a macro, which takes"),
    ],
)
def test_what_would_fail_with_every_request_is_found_at_once(source: str, message: str) -> None:
    with pytest.raises(ConditionInvalid) as caught:
        compile_condition(source, ACCESS)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "source",
    [
        "caller.groups.exists(a, a.matches('^x+$')) && caller.groups.all(b, b != 'z')",
        "now.getHours() > 3 && now.getHours('+01:00') > 3 && now.getFullYear('UTC') > 2000",
        "[caller.team].map(x, x).size() == 1 && {'a': 1}.all(k, k == 'a')",
    ],
)
def test_what_is_sound_passes(source: str) -> None:
    assert compile_condition(source, ACCESS).source == source
