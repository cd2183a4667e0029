"""Conditions as policy files write them: text in CEL, compiled to see that it is right. docs/policy.md has the names."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from gateway_ext.conditions.condition import ConditionInvalid, compile_condition
from gateway_ext.conditions.vocabulary import ACCESS, GUARD, ROUTING, Vocabulary
from gateway_ext.policy.fields import fault


def _condition_in(vocabulary: Vocabulary) -> AfterValidator:
    def check(source: str) -> str:
        try:
            compile_condition(source, vocabulary)
        except ConditionInvalid as error:
            place = f"line {error.line}, column {error.column} of the condition: " if error.column else ""
            raise fault(f"{place}{error}") from None
        return source

    return AfterValidator(check)


AccessCondition = Annotated[str, _condition_in(ACCESS)]
GuardCondition = Annotated[str, _condition_in(GUARD)]
RoutingCondition = Annotated[str, _condition_in(ROUTING)]
