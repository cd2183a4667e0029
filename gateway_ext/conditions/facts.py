"""From the nouns of a request to what conditions ask about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway_ext.conditions.vocabulary import ACCESS, GUARD, ROUTING, Vocabulary
from gateway_ext.exchange import Endpoint, Estimate, Finding, Principal, Prompt
from gateway_ext.limits import NANO


class Facts:
    """What is known of a request, in the words of `vocabulary`. Prepared for evaluation once, however many ask."""

    __slots__ = ("_activation", "values", "vocabulary")

    def __init__(self, vocabulary: Vocabulary, values: Mapping[str, Any]) -> None:
        self.vocabulary = vocabulary
        self.values = values
        self._activation: Any = None

    def activation(self) -> Any:
        """The values as CEL's runtime wants them."""
        if self._activation is None:
            self._activation = self.vocabulary.environment.Activation(self.values)
        return self._activation


def nothing_known() -> Facts:
    """Of no request: every condition that asks something fails, and so does the request it was to judge."""
    return Facts(GUARD, {})


def access_facts(principal: Principal, model: str, endpoint: Endpoint, now_unix_nano: int) -> Facts:
    """What is known when it is judged whether `principal` may use the virtual model `model`."""
    return Facts(ACCESS, _asked(principal, model, endpoint, now_unix_nano))


def guard_facts(principal: Principal, model: str, prompt: Prompt, now_unix_nano: int) -> Facts:
    """What is known when it is judged which rules the Guard reads a request by."""
    return Facts(GUARD, _asked(principal, model, prompt.endpoint, now_unix_nano) | _shape(prompt))


def routing_facts(
    principal: Principal,
    model: str,
    prompt: Prompt,
    now_unix_nano: int,
    *,
    estimate: Estimate,
    findings: tuple[Finding, ...] = (),
    classes: frozenset[str] = frozenset(),
    labels: frozenset[str] = frozenset(),
    over: tuple[str, ...] = (),
    is_capped: bool = False,
    is_degraded: bool = False,
) -> Facts:
    """All that is known when a request is routed.

    `classes` and `labels` are those of its content; `over` names the soft budgets it exceeds; `is_capped` and
    `is_degraded` say whether a budget has shortened its answer or chosen a smaller model.
    """
    known = {
        "tokens.input": estimate.input_tokens,
        "tokens.output": estimate.output_tokens,
        "data.classes": sorted(classes),
        "data.detectors": sorted({finding.detector for finding in findings}),
        "data.labels": sorted(labels),
        "budget.over": list(over),
        "budget.capped": is_capped,
        "budget.degraded": is_degraded,
    }
    return Facts(ROUTING, _asked(principal, model, prompt.endpoint, now_unix_nano) | _shape(prompt) | known)


def _asked(principal: Principal, model: str, endpoint: Endpoint, now_unix_nano: int) -> dict[str, Any]:
    return {
        "caller.subject": principal.subject,
        "caller.kind": principal.kind,
        "caller.issuer": principal.issuer,
        "caller.credential_class": principal.credential_class.value,
        "caller.team": principal.team,
        "caller.project": principal.project,
        "caller.application": principal.application,
        "caller.environment": principal.environment,
        "caller.purpose": principal.purpose,
        "caller.cost_center": principal.cost_center,
        "caller.front_end": principal.front_end,
        "caller.groups": sorted(principal.groups),
        "request.model": model,
        "request.endpoint": endpoint.about.value,
        "now": datetime.fromtimestamp(now_unix_nano // NANO, UTC),
    }


def _shape(prompt: Prompt) -> dict[str, Any]:
    return {
        "request.is_stream": prompt.is_stream,
        "request.bytes": prompt.body_bytes,
        "request.needs": sorted(prompt.needs),
    }
