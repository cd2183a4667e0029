"""A condition in CEL: read, typed and bounded when policy is loaded, so that little can go wrong with a request."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from gateway_ext.conditions.facts import Facts
from gateway_ext.conditions.soundness import unsound
from gateway_ext.conditions.vocabulary import VOCABULARIES, Vocabulary
from gateway_ext.errors import ConditionFailed, ConfigurationError
from gateway_ext.limits import CONDITION_CHARACTERS_MAX


class ConditionInvalid(ConfigurationError):  # noqa: N818  (said of the condition, not of the program)
    """A condition that cannot be used. `line` and `column` within it, counted from 1; 0 where it is meant as a whole."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Condition:
    """`rule` names whose condition it is, for the audit trail."""

    source: str
    rule: str
    _expression: Any = field(repr=False, compare=False)

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of `facts`, which are in its vocabulary. Raises ConditionFailed, never anything else.

        CEL fails where a program would: at a division by zero, or a text that is no number.
        """
        try:
            held = self._expression.eval(facts.activation()).value()
        except Exception:  # noqa: BLE001  (the runtime raises what it likes)
            held = None
        if held is True or held is False:
            return held
        # What went wrong stays unsaid: it may be told in values of the request.
        raise ConditionFailed(rules=(self.rule,)) from None


def compile_condition(source: str, vocabulary: Vocabulary, *, rule: str = "") -> Condition:
    """The condition that `source` says. Raises ConditionInvalid: no CEL, unknown names, wrong types, or no yes or no."""
    if len(source) > CONDITION_CHARACTERS_MAX:
        raise ConditionInvalid(f"is longer than {CONDITION_CHARACTERS_MAX} characters; split the rule")
    try:
        expression = vocabulary.environment.compile(source)
    except Exception as error:  # noqa: BLE001  (the compiler tells all faults by RuntimeError)
        raise _explained(str(error), vocabulary) from None
    if (kind := expression.return_type().name()) != "BOOL":
        raise ConditionInvalid(
            f"is no condition: it yields {kind.lower()}, not true or false; compare it with something"
        )
    if fault := unsound(expression.serialize()):
        raise ConditionInvalid(fault)
    return Condition(source, rule, expression)


_FAULT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNKNOWN = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\((.*)\)'")
_EXPECTING = re.compile(r" expecting \{.*")


def _explained(text: str, vocabulary: Vocabulary) -> ConditionInvalid:
    """The compiler's first fault in words of this project: it speaks of containers and overloads."""
    found = _FAULT.search(text)
    if found is None or "recursion" in text:
        return ConditionInvalid("is nested too deep; split the rule")
    line, column, message = int(found[1]), int(found[2]), found[3]
    if unknown := _UNKNOWN.match(message):
        message = _unknown(unknown[1], vocabulary)
    elif overload := _OVERLOAD.match(message):
        message = f"'{overload[1].strip('_@')}' cannot be applied to {overload[2].replace(', ', ' and ')}"
    else:
        message = f"is not valid CEL: {_EXPECTING.sub('', message.removeprefix('Syntax error: '))}"
    return ConditionInvalid(message, line, column)


def _unknown(name: str, vocabulary: Vocabulary) -> str:
    later = next((other for other in VOCABULARIES if name in other.variables), None)
    if later is not None:
        return f"asks for '{name}', which is known to {later.place} only, not yet to {vocabulary.place}"
    near = get_close_matches(name, vocabulary.variables, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"unknown name '{name}'; {hint}known to {vocabulary.place}: {', '.join(sorted(vocabulary.variables))}"
