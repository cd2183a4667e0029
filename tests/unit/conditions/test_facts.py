from __future__ import annotations

import pytest

from gateway_ext.conditions.condition import compile_condition
from gateway_ext.conditions.facts import access_facts, guard_facts, routing_facts
from gateway_ext.conditions.vocabulary import ROUTING
from gateway_ext.exchange import CredentialClass, Endpoint, Estimate, Finding, Principal, Prompt

CHAT = Endpoint.CHAT_COMPLETIONS
SERVICE = Principal("webui", "service", "service", CredentialClass.SERVICE, "s1")
ADA = Principal("ada", "person", "company", CredentialClass.SSO, "c1", cost_center="4711", asserted_by=SERVICE)
PROMPT = Prompt(CHAT, "assistant", {}, (), True, False, None, 1, 1234, needs=frozenset({"tools", "vision"}))
IBAN = Finding("iban", "1", "personal", 0, "messages[0]", 0, 9, 1.0, "log", True, "f" * 32)


def test_every_name_has_a_fact_of_its_type() -> None:
    known = routing_facts(ADA, "assistant", PROMPT, 0, estimate=Estimate(10, 20), findings=(IBAN, IBAN))
    assert known.values.keys() == ROUTING.variables.keys()
    for name in ROUTING.variables:
        assert compile_condition(f"{name} == {name}", ROUTING).holds(known), name
    assert (
        guard_facts(ADA, "m", PROMPT, 0).values.keys() == guard_facts(ADA, "m", PROMPT, 0).vocabulary.variables.keys()
    )
    assert access_facts(ADA, "m", CHAT, 0).values.keys() == access_facts(ADA, "m", CHAT, 0).vocabulary.variables.keys()


@pytest.mark.parametrize(
    "source",
    [
        "caller.subject == 'ada' && caller.issuer == 'company' && caller.cost_center == '4711'",
        "caller.front_end == 'webui'",
        "request.needs == ['tools', 'vision'] && request.is_stream && request.bytes == 1234",
        "tokens.input == 10 && tokens.output == 20",
        "data.detectors == ['iban'] && data.classes == ['personal'] && 'contract' in data.labels",
        "budget.over == ['soft'] && budget.capped && !budget.degraded",
        "now == timestamp('1970-01-01T00:00:02Z')",
    ],
)
def test_facts_say_what_the_request_is(source: str) -> None:
    known = routing_facts(
        ADA,
        "assistant",
        PROMPT,
        2_000_000_000,
        estimate=Estimate(10, 20),
        findings=(IBAN, IBAN),
        classes=frozenset({"personal"}),
        labels=frozenset({"contract"}),
        over=("soft",),
        is_capped=True,
    )
    assert compile_condition(source, ROUTING).holds(known)
