"""What is owed to the answer of a request: to be inspected, and to get back what the caller's pseudonyms stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway_ext.errors import AnswerBlocked, AnswerUninspected, GatewayError
from gateway_ext.exchange import Finding, Text
from gateway_ext.guard.cache import Match
from gateway_ext.guard.confidential.canary import canaries_in
from gateway_ext.guard.pseudonyms import PseudonymVault
from gateway_ext.guard.rules import GuardRules
from gateway_ext.ports import Guard
from gateway_ext.verdict import Redact, Verdict

_PROMPT_ROLES = frozenset({"", "system", "developer"})  # of texts that operators and developers write


@dataclass(frozen=True, slots=True)
class Duty:
    """What is owed to an answer; nothing, when falsy. `inspects`: all of it is inspected, not only for `canaries`."""

    rules: GuardRules
    inspects: bool
    canaries: frozenset[str] = field(repr=False)
    vault: PseudonymVault

    @staticmethod
    def of(texts: Sequence[Text], verdict: Verdict, rules: GuardRules, *, inspects: bool) -> Duty:
        """For a request with `texts`, judged as `verdict`; `rules` are those for its answer."""
        canaries = [
            canary
            for text in texts
            if text.role in _PROMPT_ROLES and "gwc" in text.value
            for canary in canaries_in(text.value)
        ]
        vault = PseudonymVault(verdict.originals if isinstance(verdict, Redact) else {})
        return Duty(rules, inspects, frozenset(canaries), vault)

    def __bool__(self) -> bool:
        return self.inspects or bool(self.canaries) or bool(self.vault)

    def matches(self, guard: Guard, text: str) -> list[Match]:
        """All that is found in a text. Raises TooManyCandidates and InternalFailure."""
        found = list(guard.matches(text, self.rules)) if self.inspects else []
        return [*found, *guard.leaks(text, self.canaries)] if self.canaries else found


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found in an answer. `body` is what to pass on; None: as it came."""

    findings: tuple[Finding, ...] = ()
    body: bytes | None = field(default=None, repr=False)


class Withheld(GatewayError):  # noqa: N818  (an answer, not a fault)
    """The answer must not be passed on; `refusal` says so to the caller."""

    def __init__(self, refusal: AnswerBlocked | AnswerUninspected, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal
        self.findings = findings
